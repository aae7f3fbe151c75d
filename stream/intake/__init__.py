"""The intake: events over HTTP and webhooks, written to Kafka before they are answered. It holds no state."""
