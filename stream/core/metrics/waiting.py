"""Who waits for a first response now: the alert before the reply exists."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.tickets import WAITING, WaitingLayout
from stream.core.model.time_buckets import MINUTE

TICKETS = Family("cx_waiting_tickets", "Unresolved tickets that wait for a first response", windowed=False)
OVER = Family(
    "cx_waiting_over_target_tickets", "Of these those that wait longer than their target", windowed=False
)
OLDEST = Family(
    "cx_waiting_oldest_seconds",
    "How long the longest of them has waited, to within a minute",
    windowed=False,
    unit="seconds",
)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """How many wait, how many too long, and the longest wait when there is one."""
    standing = context.open_items(WAITING)
    opened = {
        minute: n for minute, vector in standing.items() if (n := vector.get(WaitingLayout.OPENED, 0)) > 0
    }
    passed = context.now // MINUTE
    yield Sample(TICKETS, (), sum(opened.values()))
    yield Sample(
        OVER,
        (),
        sum(vector.get(WaitingLayout.DUE, 0) for minute, vector in standing.items() if minute <= passed),
    )
    if opened:
        yield Sample(OLDEST, (), max(0, context.now - min(opened) * MINUTE) / 1000)


METRIC = Metric(
    name="waiting",
    title="Waiting",
    definition=(
        "Open contact cycles (see first_response) of unresolved tickets, now. Over target goes by the target's own hours: "
        "calendar time, or business hours where a calendar holds for the ticket. Ages are to within a minute."
    ),
    formula="count of open cycles; now - opening of the oldest",
    excluded="Resolved, merged and deleted tickets, and tickets without a creation.",
    source="first response time before there is a response",
    example='cx_waiting_over_target_tickets{view="channel"} > 0',
    aggregates=(WAITING,),
    families=(TICKETS, OVER, OLDEST),
    panels=(
        Panel(title="Waiting", lines=(Line(TICKETS, "waiting"), Line(OVER, "over target")), min=0),
        Panel(title="Longest wait", lines=(Line(OLDEST),), samples=(Line(TICKETS),), min=0),
    ),
    read_stock=read_stock,
    headlines=(
        Headline("Waiting now", TICKETS, "lower"),
        Headline("Waiting over target", OVER, "lower"),
        Headline("Longest wait", OLDEST, "lower", sample_size=TICKETS),
    ),
)
