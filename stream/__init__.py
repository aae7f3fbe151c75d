"""cxgauge: customer-experience metrics, live from Kafka to Prometheus."""
