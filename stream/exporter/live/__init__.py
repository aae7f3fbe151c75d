"""The live page: what it is told, and by which way."""
