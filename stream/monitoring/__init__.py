"""What is generated for Prometheus, Alertmanager and Grafana."""
