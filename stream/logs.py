"""Logging of the services to standard error, one line an entry. Repeated messages are limited in rate."""

import logging
import time
from typing import Any

from stream.text import printable, printable_lines


class RateLimitedFilter(logging.Filter):
    """Passes each message template of a logger once in `every` seconds, with the number of suppressed records."""

    def __init__(self, every: float = 10.0) -> None:
        super().__init__()
        self.every = every
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes, and append the number of suppressed ones to its message."""
        key = (record.name, str(record.msg))
        now = time.monotonic()
        last, suppressed = self._seen.get(key, (-self.every, 0))
        if now - last < self.every:
            self._seen[key] = (last, suppressed + 1)
            return False
        if len(self._seen) > 1_000:
            self._seen.clear()
        self._seen[key] = (now, 0)
        if suppressed:
            record.msg = f"{record.msg} ({suppressed} similar messages suppressed)"
        return True


class PrintableFormatter(logging.Formatter):
    """Writes each message in one line, and only printable characters."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - of logging
        """Return the line of a record, without the traceback."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - of logging
        """Return a traceback."""
        return printable_lines(super().formatException(ei))


def set_up(level: int = logging.INFO) -> None:
    """Send entries of cxgauge from `level` on, and warnings of libraries, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(RateLimitedFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("stream").setLevel(level)
