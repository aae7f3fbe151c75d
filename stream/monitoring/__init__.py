"""Generated files for other programs: alert rules for Prometheus, dashboards for Grafana."""
