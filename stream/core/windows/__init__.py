"""The exporter's half: rolling windows over pane blocks, cardinality limits, read-out, time lines."""
