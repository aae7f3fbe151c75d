"""Resolution time (ART, MTTR), reopenings and open tickets."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.metrics.open_items import open_item_samples
from stream.core.model.aggregates.tickets import (
    OPEN_TICKETS,
    ORPHANS,
    RESOLUTION,
    UNASSISTED,
    OpenItemsLayout,
    OrphansLayout,
    ResolutionLayout,
    UnassistedLayout,
)
from stream.core.model.histogram import COUNT, merge
from stream.core.model.time_buckets import Window

STAGES = {"full": ResolutionLayout.FULL, "first": ResolutionLayout.FIRST}
LAST = {"stage": "full"}
"""The label values of the last solves, which panels show."""

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
    "cx_resolved_tickets", "Tickets by last solve (full, if still resolved) or first solve", ("stage",)
)
REOPENED = Family("cx_reopenings", "Reopenings of tickets in the window")
SOLVED_UNASSISTED = Family(
    "cx_unassisted_solved_tickets", "Tickets whose first solve was by a bot or a time-out", ("by",)
)
ORPHANED = Family(
    "cx_orphan_tickets",
    "Tickets of which events are known, but not their creation, in the view total only",
    windowed=False,
)
OPEN = Family("cx_open_tickets", "Unresolved tickets", windowed=False)
OLDEST = Family(
    "cx_open_oldest_seconds",
    "Age of the oldest unresolved ticket, to within a minute",
    windowed=False,
    unit="seconds",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles and means of the stages with solves, and always the counts."""
    unassisted = context.flow(UNASSISTED).get((), {})
    yield Sample(SOLVED_UNASSISTED, ("bot",), unassisted.get(UnassistedLayout.BY_BOT, 0))
    yield Sample(SOLVED_UNASSISTED, ("timeout",), unassisted.get(UnassistedLayout.BY_TIMEOUT, 0))
    vector = context.flow(RESOLUTION).get((), {})
    for stage, base in STAGES.items():
        solves = merge(vector, ResolutionLayout.ONCE, base)
        if solves:
            yield from duration_samples(SECONDS, MEAN, solves, 0, stage)
        yield Sample(RESOLVED, (stage,), solves.get(COUNT, 0))
    yield Sample(REOPENED, (), vector.get(ResolutionLayout.REOPENINGS, 0))


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Yield the numbers of open tickets and of orphans, and the age of the oldest open one, if any."""
    if context.total:
        yield Sample(ORPHANED, (), context.stock(ORPHANS).get((), {}).get(OrphansLayout.TICKETS, 0))
    yield from open_item_samples(context, OPEN_TICKETS, OpenItemsLayout.TICKETS, OPEN, OLDEST)


METRIC = Metric(
    name="resolution",
    version=2,
    title="ART / MTTR",
    definition=(
        "Calendar time from creation to the last solve (stage full, only while the ticket is resolved) or to "
        "the first solve (stage first, never retracted), counted at the time of the solve. A status of "
        "solved or closed solves an unresolved ticket, any other status reopens a resolved one. Windowed "
        "figures carry the dimensions that held at their own moment, open tickets the present ones. An orphan "
        "is a ticket known by any event, interactions included, whose creation is missing."
    ),
    formula="solve - creation",
    excluded=(
        "Tickets without a creation but for the orphans, merged and deleted tickets. Statuses dated before the creation. "
        "A message alone reopens nothing."
    ),
    source="full and first resolution time as in Zendesk's metric definitions",
    example='cx_resolution_mean_seconds{view="total", window="7d", stage="full"} / 3600',
    aggregates=(RESOLUTION, UNASSISTED, OPEN_TICKETS, ORPHANS),
    families=(SECONDS, MEAN, RESOLVED, REOPENED, SOLVED_UNASSISTED, OPEN, OLDEST, ORPHANED),
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
        Panel(title="Open tickets", lines=(Line(OPEN, "open"), Line(ORPHANED, "without creation")), min=0),
        Panel(title="Solved without people", lines=(Line(SOLVED_UNASSISTED, by=("by",)),), min=0),
        Panel(title="Oldest open ticket", lines=(Line(OLDEST),), samples=(Line(OPEN),), min=0),
    ),
    read_flows=read_flows,
    compared=(MEAN, RESOLVED),
    read_stock=read_stock,
    headlines=(
        Headline("ART / MTTR", MEAN, "lower", ("full",), sample_size=RESOLVED, timeline_family=MEAN),
        Headline("Open tickets", OPEN, "lower"),
    ),
)
