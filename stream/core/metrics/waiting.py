"""Tickets that wait for a first response now."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.metrics.open_items import open_item_samples
from stream.core.model.aggregates.tickets import WAITING, WaitingLayout
from stream.core.model.time_buckets import MINUTE

TICKETS = Family("cx_waiting_tickets", "Unresolved tickets that wait for a first response", windowed=False)
OVER = Family(
    "cx_waiting_over_target_tickets",
    "Unresolved tickets that wait for a first response longer than their target",
    windowed=False,
)
OLDEST = Family(
    "cx_waiting_oldest_seconds",
    "Longest wait for a first response so far, to within a minute",
    windowed=False,
    unit="seconds",
)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Yield the numbers of waiting tickets and of those over target and, if any waits, the longest wait."""
    present = context.now // MINUTE
    due = [vector for minute, vector in context.open_items(WAITING).items() if minute <= present]
    yield from open_item_samples(context, WAITING, WaitingLayout.OPENED, TICKETS, OLDEST)
    yield Sample(OVER, (), sum(vector.get(WaitingLayout.DUE, 0) for vector in due))


METRIC = Metric(
    name="waiting",
    version=2,
    title="Waiting",
    definition=(
        "Contact cycles (see first_response) of unresolved tickets that are open now, by present dimensions "
        "and target. Over target is measured in calendar time, or in business hours if the target says so and "
        "a calendar applies to the ticket. Ages are to within a minute."
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
