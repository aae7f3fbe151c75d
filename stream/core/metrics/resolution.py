"""Resolution time (ART, MTTR), reopenings and what is open."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.tickets import (
    OPEN_TICKETS,
    RESOLUTION,
    OpenTicketsLayout,
    ResolutionLayout,
)
from stream.core.model.histogram import COUNT, merge
from stream.core.model.time_buckets import MINUTE, Window

STAGES = {"full": ResolutionLayout.FULL, "first": ResolutionLayout.FIRST}
LAST = {"stage": "full"}
"""The last solves, as panels show them."""

SECONDS = quantile_family(
    "cx_resolution_seconds", "Time from creation to the last (full) or first solve", "stage"
)
MEAN = Family(
    "cx_resolution_mean_seconds",
    "Mean time from creation to the last or first solve",
    ("stage",),
    unit="seconds",
)
RESOLVED = Family(
    "cx_resolved_tickets", "Tickets by their last solve while resolved, or first solve", ("stage",)
)
REOPENED = Family("cx_reopenings", "Reopenings of tickets in the window")
OPEN = Family("cx_open_tickets", "Tickets that are not resolved", windowed=False)
OLDEST = Family(
    "cx_open_oldest_seconds",
    "Age of the oldest ticket not resolved, to within a minute",
    windowed=False,
    unit="seconds",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Quantiles and means of the stages that have any; the counts always."""
    have = context.flow(RESOLUTION).get((), {})
    for stage, base in STAGES.items():
        solves = merge(have, ResolutionLayout.ONCE, base)
        if solves:
            yield from duration_samples(SECONDS, MEAN, solves, 0, stage)
        yield Sample(RESOLVED, (stage,), solves.get(COUNT, 0))
    yield Sample(REOPENED, (), have.get(ResolutionLayout.REOPENINGS, 0))


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """How many are open, and the age of the oldest when there is one."""
    opened = {
        minute: n
        for minute, vector in context.open_items(OPEN_TICKETS).items()
        if (n := vector.get(OpenTicketsLayout.TICKETS, 0)) > 0
    }
    yield Sample(OPEN, (), sum(opened.values()))
    if opened:
        yield Sample(OLDEST, (), max(0, context.now - min(opened) * MINUTE) / 1000)


METRIC = Metric(
    name="resolution",
    title="ART / MTTR",
    definition=(
        "From creation to the last solve (stage full, only while the ticket is resolved) or to the first one (stage "
        "first, never taken back), each at its solve's time. A solve is the step into solved or closed, a reopening the "
        "step out of it by a status. Calendar time."
    ),
    formula="solve - creation",
    excluded=(
        "Tickets without a creation, merged and deleted tickets. Statuses dated before the creation. "
        "A message alone reopens nothing."
    ),
    source="full and first resolution time as in Zendesk's metric definitions",
    example='cx_resolution_mean_seconds{view="total", window="7d", stage="full"} / 3600',
    aggregates=(RESOLUTION, OPEN_TICKETS),
    families=(SECONDS, MEAN, RESOLVED, REOPENED, OPEN, OLDEST),
    panels=(
        Panel(
            title="Resolution time",
            lines=spread(SECONDS, MEAN, LAST),
            samples=(Line(RESOLVED, where=LAST),),
            min=0,
        ),
        Panel(
            title="Resolved and reopened",
            lines=(Line(RESOLVED, "last solves", where=LAST), Line(REOPENED, "reopenings")),
            min=0,
        ),
        Panel(title="Open tickets", lines=(Line(OPEN),), min=0),
        Panel(title="Oldest open ticket", lines=(Line(OLDEST),), samples=(Line(OPEN),), min=0),
    ),
    read_flows=read_flows,
    read_stock=read_stock,
    headlines=(
        Headline("ART / MTTR", MEAN, "lower", ("full",), sample_size=RESOLVED, timeline_family=MEAN),
        Headline("Open tickets", OPEN, "lower"),
    ),
)
