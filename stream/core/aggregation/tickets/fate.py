"""Fates of contact cycles: answered in time, or overdue. Each is known at a moment, and no later event changes it.

The target and the calendar are those of the ticket's dimensions at each moment of the wait, so that an update to a
shorter target can make a cycle overdue at once, and one to a longer target comes too late for a cycle that is overdue.
"""

from msgspec import Struct

from stream.core.aggregation.tickets.attributes import Attributes
from stream.core.aggregation.tickets.history import ContactCycle
from stream.core.aggregation.tickets.response import judge, overdue_from
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues


class Fate(Struct, frozen=True):
    """Whether a contact cycle is overdue, since when or answered when (ms), with the dimension values then."""

    overdue: bool
    at: int
    values: DimensionValues


def fate(cycle: ContactCycle, attributes: Attributes, config: AggregationConfig) -> Fate | None:
    """Return the fate of a cycle, that of one that waits as if it went on waiting.

    A solve ends the wait. After it, the contact alone decides. None: a cycle without contact whose wait ended before the
    target, or has a target of more than twenty years.
    """
    if (passed := _passed(cycle, attributes, config)) is not None:
        return passed
    if cycle.answered is None:
        return None
    values = attributes.at(cycle.answered)
    late = judge((cycle.opened, cycle.answered), values, config).late
    return Fate(late, cycle.answered, values)


def _passed(cycle: ContactCycle, attributes: Attributes, config: AggregationConfig) -> Fate | None:
    """Return the first moment of the wait at which it is over the target then, None if there is none."""
    until, held = cycle.waited_until, attributes.since(cycle.opened)
    for i, (since, values) in enumerate(held):
        over = overdue_from(cycle.opened, values, config)
        if over is None:
            continue
        at = max(over, since)
        if until is not None and at > until:
            continue
        if i + 1 == len(held) or at < held[i + 1][0]:
            return Fate(True, at, values)
    return None
