"""Roll-ups of a customer: vectors by minute, in buckets that grow coarser with age as panes do.

    newest - retention        newest - 50 to 56 h       newest - 145 min   newest
    |  forgotten: no pane holds it  |  hours  |  quarter-hours  |  minutes  |

A minute moves to a coarser bucket when the blocks with its finer panes have expired, so that no retained pane depends on
the newest minute. A roll-up has at most 145 + 224 entries, and 24 for each day of the retention (67.5 d: 1,940 in all), of a
customer active around the clock. The bucket of an entry depends on its minute and the newest minute alone, not on the
order of events.
"""

from stream.core.aggregation.customers.entity import Rollup
from stream.core.model.aggregate import Vector, add
from stream.core.model.time_buckets import HOUR, MINUTE, MINUTES, QUARTER, QUARTERS, Resolution

_HOUR, _QUARTER = HOUR // MINUTE, QUARTER // MINUTE


def bucket_start(minute: int, newest_minute: int, retention_start: int) -> int | None:
    """Return the first minute of the bucket of a minute, None before `retention_start`."""
    hour = minute - minute % _HOUR
    if hour < retention_start:
        return None
    if _is_expired(QUARTERS, minute, newest_minute):
        return hour
    return minute - minute % _QUARTER if _is_expired(MINUTES, minute, newest_minute) else minute


def _is_expired(resolution: Resolution, minute: int, newest_minute: int) -> bool:
    """Return whether the block of a minute has expired. Blocks are deleted whole."""
    span = resolution.span // MINUTE
    return minute - minute % span + span + (resolution.retention or 0) // MINUTE <= newest_minute


def add_vector(
    entries: Rollup, minute: int, vector: Vector, newest_minute: int, retention_start: int
) -> None:
    """Add a vector to the bucket of a minute. It is dropped before `retention_start`."""
    start = bucket_start(minute, newest_minute, retention_start)
    if start is None:
        return
    into = entries.setdefault(start, {})
    add(into, vector)
    if not into:
        del entries[start]


def downsample(entries: Rollup, newest_minute: int, retention_start: int) -> None:
    """Move every entry to its present bucket."""
    for minute in list(entries):
        if bucket_start(minute, newest_minute, retention_start) != minute:
            add_vector(entries, minute, entries.pop(minute), newest_minute, retention_start)
