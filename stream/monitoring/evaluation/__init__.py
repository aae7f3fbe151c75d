"""Evaluation of the alert rules without Prometheus."""
