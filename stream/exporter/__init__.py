"""The exporter: reads all panes, holds the windows, serves /metrics."""
