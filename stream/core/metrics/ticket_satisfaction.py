"""CSAT of tickets, by whether the first response was in time."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.metrics.shares import bounds_of, share_samples
from stream.core.model.aggregates.joined import FATES, TICKET_CSAT, TicketCsatLayout
from stream.core.model.time_buckets import Window

RATIO = Family(
    "cx_ticket_csat_ratio",
    "Share of satisfied answers about tickets, by whether the first response was in time",
    ("first_response",),
    unit="ratio",
)
BOUNDS = bounds_of(RATIO, "satisfied answers about tickets")
RESPONSES = Family(
    "cx_ticket_csat_responses", "Answers to CSAT about a ticket", ("satisfied", "first_response")
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the answers by fate and, unless there are none, the share of satisfied ones."""
    answers = context.flow(TICKET_CSAT)
    for fate in FATES:
        vector = answers.get((fate,), {})
        satisfied = vector.get(TicketCsatLayout.SATISFIED, 0)
        dissatisfied = vector.get(TicketCsatLayout.DISSATISFIED, 0)
        yield Sample(RESPONSES, ("true", fate), satisfied)
        yield Sample(RESPONSES, ("false", fate), dissatisfied)
        if n := satisfied + dissatisfied:
            yield from share_samples(RATIO, BOUNDS, satisfied, n, (fate,))


METRIC = Metric(
    name="ticket_satisfaction",
    version=2,
    title="Ticket satisfaction",
    definition=(
        "Answers to CSAT whose ticket_id is a ticket of the customer that they name, at the answer's time, with the "
        "ticket's present dimensions. First response: in_time or late by the ticket's first response in cx_first_responses, "
        "none while there is none. Satisfied as in CSAT. The difference between in_time and late is an association, not an "
        "effect: hard tickets are late more often and please less. An answer that names a ticket but no customer is not "
        "joined."
    ),
    formula="satisfied / answers",
    excluded=(
        "Answers that are dismissed or deleted, or whose ticket was never created, was merged, deleted or erased, or belongs "
        "to another customer."
    ),
    source="CSAT by service level, as help desks report it",
    example='cx_ticket_csat_ratio{view="total", window="30d", first_response="late"}',
    aggregates=(TICKET_CSAT,),
    families=(RATIO, *BOUNDS, RESPONSES),
    panels=(
        Panel(
            title="CSAT of tickets by first response",
            lines=(Line(RATIO, by=("first_response",)),),
            bounds=BOUNDS,
            samples=(Line(RESPONSES, by=("first_response",)),),
            min=0,
            max=1,
        ),
    ),
    read_flows=read_flows,
    compared=(RATIO, RESPONSES),
    headlines=(
        Headline(
            "CSAT of tickets",
            RATIO,
            "higher",
            (None,),
            low=BOUNDS[0],
            high=BOUNDS[1],
            sample_size=RESPONSES,
            timeline_family=RATIO,
        ),
    ),
)
