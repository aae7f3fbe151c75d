"""The HTTP server of the exporter: TLS, passwords, static files, /metrics and health endpoints."""
