"""The exporter's HTTP server: TLS and passwords, static files, /metrics and health."""
