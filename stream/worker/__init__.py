"""The worker: counts the events of the partitions it owns, exactly once."""
