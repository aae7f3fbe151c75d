"""The worker's half: events in, changed state out."""
