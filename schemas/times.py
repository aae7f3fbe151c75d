"""Times: RFC 3339 on the wire, aware datetimes in structs, whole milliseconds since the epoch in the core."""

import re
from collections.abc import Iterable
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

MAX_AHEAD = 300_000
"""Time in ms by which an event may be ahead of its record, and a record ahead of the clock."""

Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset. The decoder rounds to microseconds, so that longer fractions have to be cut before."""

_LONG_FRACTION = re.compile(rb"\.\d{7}")
FIELDS = ("created", "effective_at", "moment", "reopened", "solved", "time", "transaction_time")
"""Fields of events that are times."""
_TIME = re.compile(
    rb'("(?:%s)"\s*:\s*"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d\.\d{6})\d+' % "|".join(FIELDS).encode()
)


def has_long_fraction(raw: bytes) -> bool:
    """Return whether JSON may contain a time with more than six decimals."""
    return _LONG_FRACTION.search(raw) is not None


def cut_fractions(raw: bytes) -> bytes:
    """Return JSON in which the fractions of the fields that are times are cut to six decimals.

    Rounded up, 08:59:59.9999999 would lie in the next hour. Other fields are left, because an ID may look like a time.
    """
    return _TIME.sub(rb"\1", raw)


def is_in_range(time: datetime) -> bool:
    """Return whether a time is in the years 1 to 9999 in UTC, too, so that `from_ms` can return it."""
    if 1 < time.year < MAXYEAR:
        return True
    try:
        time.astimezone(UTC)
    except OverflowError:
        return False
    return True


def to_ms(time: datetime) -> int:
    """Return whole milliseconds since 1970-01-01T00:00:00Z, floored. They are exact for the years 1 to 9999."""
    since = time - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def all_to_ms(times: Iterable[datetime]) -> list[int]:
    """Return `to_ms` of all times. One call for a batch is faster than one for each time."""
    return [
        (since := time - EPOCH).days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
        for time in times
    ]


def from_ms(ms: int) -> datetime:
    """Return the time in UTC for ms since the epoch. Raises OverflowError outside of the years 1 to 9999."""
    return EPOCH + _MS * ms  # half the time of a timedelta from a keyword
