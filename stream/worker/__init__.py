"""The worker, which counts the events of the partitions it owns exactly once."""
