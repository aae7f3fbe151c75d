"""The functional core: events, their contributions to aggregates, windows and metrics. It has no I/O and no clock."""
