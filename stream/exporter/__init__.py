"""The exporter: reads the panes of every partition, keeps the windows, serves the figures."""
