"""The figures of `/metrics` as JSON and CSV, for programs that are no Prometheus."""
