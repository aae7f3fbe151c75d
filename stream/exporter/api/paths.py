"""Paths of the exporter's API that its clients share."""

FIGURES = "/api/v1/figures"
INCIDENTS = "/api/v1/incidents"
