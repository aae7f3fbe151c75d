"""All parts of cxgauge on one machine, with their broker, as child processes that are restarted when they end."""
