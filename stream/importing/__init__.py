"""Other systems' exports as events, and sending many events."""
