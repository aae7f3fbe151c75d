"""The exporter: it reads the panes of all partitions, keeps the rolling windows and serves the metrics."""
