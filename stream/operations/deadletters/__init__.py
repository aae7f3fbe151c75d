"""Dead-letter records: list, show, replay, purge."""
