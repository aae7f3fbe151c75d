"""Who waits for a first response now: the alert before the reply exists."""

from collections.abc import Iterator

from stream.core.buckets import MINUTE
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.tally import Tally

OPENED, DUE = range(2)
"""A waiting cycle stands at the minute in which it opened, and at the first one that begins after its target."""

TICKETS = Family("cx_waiting_tickets", "Unresolved tickets that wait for a first response", windowed=False)
OVER = Family(
    "cx_waiting_over_target_tickets", "Of these those that wait longer than their target", windowed=False
)
OLDEST = Family(
    "cx_waiting_oldest_seconds", "How long the longest of them has waited, to within a minute", windowed=False
)


def read_stock(sight: Sight) -> Iterator[Sample]:
    """How many wait, how many too long, and the longest wait when there is one."""
    standing = sight.standing("waiting")
    opened = {minute: n for minute, vector in standing.items() if (n := vector.get(OPENED, 0)) > 0}
    passed = sight.now // MINUTE
    yield Sample(TICKETS, (), sum(opened.values()))
    yield Sample(OVER, (), sum(vector.get(DUE, 0) for minute, vector in standing.items() if minute <= passed))
    if opened:
        yield Sample(OLDEST, (), max(0, sight.now - min(opened) * MINUTE) / 1000)


METRIC = Metric(
    name="waiting",
    title="Waiting",
    definition=(
        "Open contact cycles (see first_response) of unresolved tickets, now. Over target goes by the target's own hours: "
        "calendar time, or business hours where a calendar holds for the ticket. Ages are to within a minute."
    ),
    formula="count of open cycles; now - opening of the oldest",
    source="first response time before there is a response",
    example='cx_waiting_over_target_tickets{view="channel"} > 0',
    tallies=(Tally("waiting", "standing", remembered=True),),
    families=(TICKETS, OVER, OLDEST),
    read_stock=read_stock,
)
