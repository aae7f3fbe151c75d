"""The mapping language: the events of a record of another system."""
