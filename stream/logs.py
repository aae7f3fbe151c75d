"""Logging of the services to standard error, in text or JSON. Repeated messages are limited in rate."""

import json
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

from stream.text import printable, printable_lines

PRIORITIES = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
"""Levels of syslog, by which `journalctl --priority` selects (sd-daemon(3))."""


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


class JsonFormatter(logging.Formatter):
    """Writes each entry as a JSON object in one line, in ASCII: a control character of a message is escaped."""

    def __init__(self, *, timed: bool = True) -> None:
        super().__init__()
        self._timed = timed

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record. Its keys are `time` (RFC 3339, UTC), `level`, `logger`, `message`, `exception`."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {"time": moment.replace("+00:00", "Z")} if self._timed else {}
        entry |= {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class JournalFormatter(logging.Formatter):
    """Puts the priority before each line of another formatter, because the journal reads it and takes it out."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        prefix = f"<{PRIORITIES.get(record.levelno, 5)}>"
        return "\n".join(prefix + line for line in self.inner.format(record).split("\n"))


def is_journal(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """Return whether systemd's journal reads a stream. JOURNAL_STREAM has its device and inode (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def formatter(form: str, *, journal: bool) -> logging.Formatter:
    """Return the formatter of the form `text` or `json`. The journal has times of its own."""
    if form == "json":
        chosen: logging.Formatter = JsonFormatter(timed=not journal)
    else:
        time_of_entry = "" if journal else "%(asctime)s "
        chosen = PrintableFormatter(f"{time_of_entry}%(levelname)s %(name)s: %(message)s")
    return JournalFormatter(chosen) if journal else chosen


def set_up(level: str = "info", form: str = "text") -> None:
    """Send entries of cxgauge from `level` on to standard error, and those of libraries from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(form, journal=is_journal(handler.stream, os.environ)))
    handler.addFilter(RateLimitedFilter())
    number = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger("stream").setLevel(number)


def last_entry(text: str, plain: str) -> str:
    """Return the error with which a program ends: an entry if the log is in JSON, else `plain`."""
    for handler in logging.getLogger().handlers:
        chosen = handler.formatter
        inner = chosen.inner if isinstance(chosen, JournalFormatter) else chosen
        if chosen is not None and isinstance(inner, JsonFormatter):
            return chosen.format(logging.LogRecord("stream", logging.ERROR, "", 0, "%s", (text,), None))
    return plain
