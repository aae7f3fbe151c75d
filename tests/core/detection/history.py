"""Events of tests by minute, as panes have them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from stream.core.detection.stream_events import StreamEvents
from stream.core.model.time_buckets import MINUTE, ROLLING

MONDAY = 20_710
"""A Monday, in days since the epoch: 2026-09-14."""
NOW_MINUTE = (MONDAY + 45) * 1440 + 600
"""The present of the tests in minutes since the epoch: ten o'clock, with 45 days of history since that Monday."""


def put(events: StreamEvents, minute: int, part: int = 0, n: int = 1) -> None:
    """Add events of a minute at every resolution."""
    for resolution in ROLLING:
        events.add(resolution.code, minute * MINUTE // resolution.step, part, n)


def events_of(minutes: Iterable[int], width: int = 2, *, part: int = 0, ahead: bool = False) -> StreamEvents:
    """Return events with one event at each of some minutes."""
    events = StreamEvents(width, ahead=ahead)
    for minute in minutes:
        put(events, minute, part)
    return events


def every(step: int, begin: int = MONDAY * 1440, end: int = NOW_MINUTE) -> range:
    """Return minutes at regular distances."""
    return range(begin, end, step)


def smooth(counts: Sequence[int], i: int) -> Fraction:
    """Return a count weighted with its neighbours."""
    if not 0 < i < len(counts) - 1:
        return Fraction(counts[i])
    return Fraction(counts[i - 1] + 2 * counts[i] + counts[i + 1], 4)


def weeks(counts: Sequence[int], i: int) -> list[Fraction]:
    """Return the smoothed counts of the same hour of up to five weeks before."""
    return [smooth(counts, i - 168 * week) for week in range(1, 6) if i >= 168 * week]
