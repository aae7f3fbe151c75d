"""The model that worker and exporter share: aggregates, panes, checkpoints, time buckets, config of the figures."""
