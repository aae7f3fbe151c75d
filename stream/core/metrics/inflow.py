"""Tickets created."""

from collections.abc import Iterator
from typing import get_args

from schemas.tickets import Party
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import INFLOW, InflowLayout
from stream.core.model.time_buckets import Window

CREATED = Family("cx_created_tickets", "Tickets created in the window, by who opened them", ("opened_by",))


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the numbers of tickets."""
    cells = context.flow(INFLOW)
    for party in get_args(Party):
        yield Sample(CREATED, (party,), cells.get((party,), {}).get(InflowLayout.TICKETS, 0))


METRIC = Metric(
    name="inflow",
    version=2,
    title="Inflow",
    definition=(
        "Tickets created, whoever opened them, at their creation, with the dimensions then. Of several "
        "creations of a ticket the first counts."
    ),
    formula="count of tickets",
    excluded="Merged and deleted tickets. Erased ones that were not resolved.",
    source="created tickets as in every help desk",
    example='sum without (opened_by) (cx_created_tickets{view="channel", window="24h"})',
    aggregates=(INFLOW,),
    families=(CREATED,),
    panels=(Panel(title="Created tickets", lines=(Line(CREATED, by=("opened_by",)),), min=0),),
    read_flows=read_flows,
    compared=(CREATED,),
    headlines=(Headline("Created by customers", CREATED, "lower", ("customer",), timeline_family=CREATED),),
)
