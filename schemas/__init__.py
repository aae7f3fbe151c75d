"""The contract in code: events, topics and keys, their encoding, and a client that publishes them."""
