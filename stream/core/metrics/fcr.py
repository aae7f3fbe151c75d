"""First contact resolution, net of reopenings and repeat contacts."""

from collections.abc import Iterator, Mapping

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.customers import FCR, WEEK, FcrLayout
from stream.core.model.time_buckets import Window

RATIO = Family(
    "cx_fcr_ratio",
    "Share of tickets solved by people that were resolved at first contact, 0 to 1",
    ("basis",),
    unit="ratio",
)
TICKETS = Family("cx_fcr_tickets", "Tickets by their first solve by people", ("basis", "result"))


def _results(solved: Mapping[int, int], basis: str) -> Iterator[Sample]:
    """Yield the tickets by result and, if there are any, the ratio."""
    first, other = solved.get(FcrLayout.FIRST_CONTACT, 0), solved.get(FcrLayout.OTHER, 0)
    if first + other:
        yield Sample(RATIO, (basis,), first / (first + other))
    yield Sample(TICKETS, (basis, "first_contact"), first)
    yield Sample(TICKETS, (basis, "other"), other)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the provisional result."""
    yield from _results(context.flow(FCR).get((), {}), "provisional")


def read(context: ReadContext, window: Window) -> Iterator[Sample]:
    """Yield the confirmed result for windows of a week or longer."""
    if window.span >= WEEK:
        yield from _results(context.lagged_flow(FCR).get((), {}), "confirmed")


METRIC = Metric(
    name="fcr",
    version=2,
    title="FCR",
    definition=(
        "A ticket counts at its first solve by people, with its dimensions then. First contact means exactly "
        "one contact of an agent (public message or handled interaction) up to that solve, no reopening "
        "within 7 days after it, and no other ticket of the same customer and topic created from that solve "
        "to 7 days after it. Present customer and topic count. No topic equals no topic. Without a customer "
        "there is no other ticket. Provisional: tickets solved in the window, by the events known so far. "
        "Confirmed: the window moved back by 7 days and one bucket, so that the 7 days of every ticket are over."
    ),
    formula="first contact / tickets first solved by people",
    excluded=(
        "Tickets that only bots or time-outs solved (see cx_unassisted_solved_tickets). Merged and deleted "
        "tickets, which are no repeat contacts either."
    ),
    source="one-touch as in Zendesk's metric definitions, net of repeat contacts within 7 days as call centres count",
    example='cx_fcr_ratio{view="total", window="30d", basis="confirmed"}',
    aggregates=(FCR,),
    families=(RATIO, TICKETS),
    panels=(
        Panel(
            title="First contact resolution, provisional",
            lines=(Line(RATIO, "FCR", where={"basis": "provisional"}),),
            samples=(Line(TICKETS, where={"basis": "provisional"}),),
            min=0,
            max=1,
        ),
        Panel(
            title="First contact resolution, confirmed",
            lines=(Line(RATIO, "FCR", where={"basis": "confirmed"}),),
            samples=(Line(TICKETS, where={"basis": "confirmed"}),),
            min=0,
            max=1,
        ),
    ),
    read_flows=read_flows,
    compared=(RATIO, TICKETS),
    read=read,
    headlines=(
        Headline("FCR", RATIO, "higher", ("provisional",), sample_size=TICKETS, timeline_family=RATIO),
    ),
)
