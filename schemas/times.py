"""Instants: RFC 3339 on the wire, aware datetimes in structs, whole milliseconds since the epoch in figures."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset. Digits beyond the microsecond are rounded to it by the decoder."""


def to_ms(time: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00:00Z, floored, exact for every year from 1 to 9999."""
    return all_to_ms([time])[0]


def all_to_ms(times: Iterable[datetime]) -> list[int]:
    """`to_ms` of each: a call for each would be felt."""
    return [
        (since := time - EPOCH).days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
        for time in times
    ]


def from_ms(ms: int) -> datetime:
    """The instant `ms` milliseconds after the epoch, in UTC. Raises OverflowError outside of the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=ms)
