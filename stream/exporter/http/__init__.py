"""The HTTP server of the exporter: static files, /metrics and health endpoints."""
