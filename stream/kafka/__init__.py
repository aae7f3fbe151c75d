"""Kafka clients, topics, administration and reading."""
