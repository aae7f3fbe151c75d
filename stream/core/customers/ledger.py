"""What happened to a customer, by minute, in buckets that grow coarser with age as panes do.

    seen - memory                seen - 27 h            seen - 85 min      seen
    |  forgotten: no pane holds it  |  hours  |  quarter-hours  |  minutes  |

A minute moves to a coarser bucket when the finer panes of it have expired, so that no figure changes, and a ledger has
at most 85 + 108 + 24 entries for each day of the memory (38 d: 1,105) of a customer active around the clock. Where an
entry lies depends on its minute and `seen` alone, not on the way that it took.
"""

from stream.core.buckets import HOUR, MINUTE, MINUTES, QUARTER, QUARTERS
from stream.core.customers.facts import Ledger
from stream.core.tally import Vector, add

_HOUR, _QUARTER = HOUR // MINUTE, QUARTER // MINUTE
_HOURS_FROM = _HOUR + (QUARTERS.keep or 0) // MINUTE
_QUARTERS_FROM = _QUARTER + (MINUTES.keep or 0) // MINUTE


def bucket(minute: int, seen: int, floor: int) -> int | None:
    """First minute of the bucket for a minute when the newest record is of minute `seen`; None before `floor`."""
    hour = minute - minute % _HOUR
    if hour < floor:
        return None
    if hour + _HOURS_FROM <= seen:
        return hour
    quarter = minute - minute % _QUARTER
    return quarter if quarter + _QUARTERS_FROM <= seen else minute


def enter(ledger: Ledger, minute: int, vector: Vector, seen: int, floor: int) -> None:
    """Add a vector where the minute lies now; what is before `floor` leaves no trace."""
    at = bucket(minute, seen, floor)
    if at is None:
        return
    into = ledger.setdefault(at, {})
    add(into, vector)
    if not into:
        del ledger[at]


def age(ledger: Ledger, seen: int, floor: int) -> None:
    """Move every entry to where it lies now."""
    for minute in list(ledger):
        if bucket(minute, seen, floor) != minute:
            enter(ledger, minute, ledger.pop(minute), seen, floor)
