"""What worker and exporter agree on: aggregates, panes, checkpoints, time buckets, configuration of the figures."""
