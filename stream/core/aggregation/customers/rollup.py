"""What happened to a customer, by minute, in buckets that grow coarser with age as panes do.

    seen - memory             seen - 26 to 32 h         seen - 85 min      seen
    |  forgotten: no pane holds it  |  hours  |  quarter-hours  |  minutes  |

A minute moves to a coarser bucket when the blocks with the finer panes of it have expired, so that no pane that is held
depends on `seen`, and a ledger has at most 85 + 128 + 24 entries for each day of the memory (38 d: 1,125) of a customer
active around the clock. Where an entry lies depends on its minute and `seen` alone, not on the way that it took.
"""

from stream.core.aggregation.customers.entity import Rollup
from stream.core.model.aggregate import Vector, add
from stream.core.model.time_buckets import HOUR, MINUTE, MINUTES, QUARTER, QUARTERS, Resolution

_HOUR, _QUARTER = HOUR // MINUTE, QUARTER // MINUTE


def bucket_start(minute: int, seen: int, floor: int) -> int | None:
    """First minute of the bucket for a minute when the newest record is of minute `seen`; None before `floor`."""
    hour = minute - minute % _HOUR
    if hour < floor:
        return None
    if _is_expired(QUARTERS, minute, seen):
        return hour
    return minute - minute % _QUARTER if _is_expired(MINUTES, minute, seen) else minute


def _is_expired(resolution: Resolution, minute: int, seen: int) -> bool:
    """Whether the block for a minute is no longer held: blocks go whole."""
    span = resolution.span // MINUTE
    return minute - minute % span + span + (resolution.retention or 0) // MINUTE <= seen


def add_vector(ledger: Rollup, minute: int, vector: Vector, seen: int, floor: int) -> None:
    """Add a vector where the minute lies now; what is before `floor` leaves no trace."""
    event_time = bucket_start(minute, seen, floor)
    if event_time is None:
        return
    into = ledger.setdefault(event_time, {})
    add(into, vector)
    if not into:
        del ledger[event_time]


def downsample(ledger: Rollup, seen: int, floor: int) -> None:
    """Move every entry to where it lies now."""
    for minute in list(ledger):
        if bucket_start(minute, seen, floor) != minute:
            add_vector(ledger, minute, ledger.pop(minute), seen, floor)
