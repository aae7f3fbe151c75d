"""First contact resolution, net of reopenings and repeated contacts."""

from collections.abc import Iterator, Mapping

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.tickets import FCR, WEEK, FcrLayout
from stream.core.model.time_buckets import Window

RATIO = Family(
    "cx_fcr_ratio",
    "Share of tickets solved by people that one contact resolved, 0 to 1",
    ("basis",),
    unit="ratio",
)
TICKETS = Family("cx_fcr_tickets", "Tickets by their first solve by people", ("basis", "result"))
UNASSISTED = Family("cx_unassisted_solved_tickets", "Tickets first solved by a bot or a time-out", ("by",))


def _results(solved: Mapping[int, int], basis: str) -> Iterator[Sample]:
    """Yield the tickets by result and, when there are any, the ratio."""
    first, other = solved.get(FcrLayout.FIRST_CONTACT, 0), solved.get(FcrLayout.OTHER, 0)
    if first + other:
        yield Sample(RATIO, (basis,), first / (first + other))
    yield Sample(TICKETS, (basis, "first_contact"), first)
    yield Sample(TICKETS, (basis, "other"), other)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the provisional result, and the tickets solved without people."""
    solved = context.flow(FCR).get((), {})
    yield from _results(solved, "provisional")
    yield Sample(UNASSISTED, ("bot",), solved.get(FcrLayout.BY_BOT, 0))
    yield Sample(UNASSISTED, ("timeout",), solved.get(FcrLayout.BY_TIMEOUT, 0))


def read(context: ReadContext, window: Window) -> Iterator[Sample]:
    """Yield the confirmed result for windows of a week or longer."""
    if window.span >= WEEK:
        yield from _results(context.lagged_flow(FCR).get((), {}), "confirmed")


METRIC = Metric(
    name="fcr",
    title="FCR",
    definition=(
        "Judged at the first solve by people (a ticket solved by bots and time-outs only is not in it). First contact: "
        "exactly one public agent message up to it, no reopening within 7 days after it, and no other ticket of the same "
        "customer and topic created within 7 days after it. Provisional: solved in the window, judged by what is known. "
        "Confirmed: the window moved back by 7 days and one bucket, so that every week is over."
    ),
    formula="first contact / tickets first solved by people",
    excluded=(
        "Tickets that only bots or time-outs solved, which cx_unassisted_solved_tickets counts. Calls "
        "are no contacts. Merged and deleted tickets are no repeat contacts."
    ),
    source="one-touch as in Zendesk's metric definitions, net of repeat contacts within 7 days as call centres count",
    example='cx_fcr_ratio{view="total", window="30d", basis="confirmed"}',
    aggregates=(FCR,),
    families=(RATIO, TICKETS, UNASSISTED),
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
        Panel(title="Solved without people", lines=(Line(UNASSISTED, by=("by",)),), min=0),
    ),
    read_flows=read_flows,
    read=read,
    headlines=(
        Headline("FCR", RATIO, "higher", ("provisional",), sample_size=TICKETS, timeline_family=RATIO),
    ),
)
