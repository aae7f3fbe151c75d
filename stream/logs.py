"""Logging of the services: one line an entry on standard error, and no flood when the broker is away."""

import logging
import time


class RateLimitedFilter(logging.Filter):
    """Lets each message template of a logger through once in `every` seconds, with how many were left out."""

    def __init__(self, every: float = 10.0) -> None:
        super().__init__()
        self.every = every
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record passes."""
        key = (record.name, str(record.msg))
        now = time.monotonic()
        last, left_out = self._seen.get(key, (-self.every, 0))
        if now - last < self.every:
            self._seen[key] = (last, left_out + 1)
            return False
        if len(self._seen) > 1_000:
            self._seen.clear()
        self._seen[key] = (now, 0)
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like it)"
        return True


def set_up(level: int = logging.INFO) -> None:
    """Send our own entries from `level` on and other people's warnings to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(RateLimitedFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("stream").setLevel(level)
