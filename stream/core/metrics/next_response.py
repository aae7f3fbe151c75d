"""Next responses: replies to a customer who wrote after an answer, and tickets that await one."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.metrics.open_items import open_item_samples
from stream.core.model.aggregates.tickets import (
    AWAITING_REPLY,
    NEXT_RESPONSE,
    NextResponseLayout,
    OpenItemsLayout,
)
from stream.core.model.time_buckets import Window

SECONDS = quantile_family(
    "cx_next_response_seconds", "Time from the customer's message after an answer to the agent's next contact"
)
MEAN = Family("cx_next_response_mean_seconds", "Mean time to the next response", unit="seconds")
COUNT = Family("cx_next_responses", "Next responses in the window")
AWAITING = Family(
    "cx_awaiting_reply_tickets", "Unresolved tickets that await a first or next response", windowed=False
)
OLDEST = Family(
    "cx_awaiting_reply_oldest_seconds",
    "Longest wait for a first or next response so far, to within a minute",
    windowed=False,
    unit="seconds",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles and mean if there are responses, and always the count."""
    vector = context.flow(NEXT_RESPONSE).get((), {})
    n = vector.get(NextResponseLayout.RESPONSES, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, vector, NextResponseLayout.RESPONSES)
    yield Sample(COUNT, (), n)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Yield the number of tickets that await a reply and, if any does, the longest wait."""
    yield from open_item_samples(context, AWAITING_REPLY, OpenItemsLayout.TICKETS, AWAITING, OLDEST)


METRIC = Metric(
    name="next_response",
    version=2,
    title="Next response",
    definition=(
        "A reply cycle opens at the customer's first public message while the ticket is unresolved and no "
        "cycle of either kind is open. It ends at the agent's next contact (public message or handled "
        "interaction) and counts at that moment, with the dimensions then, in calendar time. A solve discards "
        "it. Awaiting reply: unresolved tickets with an open contact cycle (see first_response) or reply "
        "cycle now, by present dimensions. Ages are to within a minute."
    ),
    formula="next contact of an agent - opening of the reply cycle",
    excluded=(
        "Tickets without a creation, merged and deleted tickets. Messages while a ticket is resolved. "
        "Reply cycles that a solve ended."
    ),
    source="next reply time as in Zendesk's metric definitions",
    example='cx_awaiting_reply_oldest_seconds{view="total"} / 3600',
    aggregates=(NEXT_RESPONSE, AWAITING_REPLY),
    families=(SECONDS, MEAN, COUNT, AWAITING, OLDEST),
    panels=(
        Panel(title="Next response time", lines=spread(SECONDS, MEAN), samples=(Line(COUNT),), min=0),
        Panel(title="Awaiting reply", lines=(Line(AWAITING),), min=0),
        Panel(title="Longest wait for a reply", lines=(Line(OLDEST),), samples=(Line(AWAITING),), min=0),
    ),
    read_flows=read_flows,
    compared=(MEAN, COUNT),
    read_stock=read_stock,
    headlines=(
        Headline("Next response p90", SECONDS, "lower", ("0.9",), sample_size=COUNT, timeline_family=SECONDS),
        Headline("Awaiting reply", AWAITING, "lower"),
    ),
)
