"""Resolution time (ART, MTTR), reopenings and what is open."""

from collections.abc import Iterator

from stream.core.alerts.alert import Alert, Threshold
from stream.core.alerts.promql import Z, both
from stream.core.alerts.shapes import rise
from stream.core.alerts.words import TENTH, WHERE, of, sentence, value
from stream.core.buckets import MINUTE, Window
from stream.core.metric import Family, Headline, Line, Metric, Panel, Sample, Sight
from stream.core.metrics.durations import quantile_family, shown, spread
from stream.core.sketch import COUNT, SPAN, together
from stream.core.tally import Tally

REOPENINGS = 0
ONCE, FULL, FIRST = 2 * SPAN, 3 * SPAN, 4 * SPAN
"""Where the distributions begin: of first solves that are the last ones too, and of those that are not; apart from
that of responses, so that business hours can hold all of them."""
STAGES = {"full": FULL, "first": FIRST}
LAST = {"stage": "full"}
"""The last solves, as panels show them."""

SECONDS = quantile_family(
    "cx_resolution_seconds", "Time from creation to the last (full) or first solve", "stage"
)
MEAN = Family("cx_resolution_mean_seconds", "Mean time from creation to the last or first solve", ("stage",))
RESOLVED = Family(
    "cx_resolved_tickets", "Tickets by their last solve while resolved, or first solve", ("stage",)
)
REOPENED = Family("cx_reopenings", "Reopenings of tickets in the window")
OPEN = Family("cx_open_tickets", "Tickets that are not resolved", windowed=False)
OLDEST = Family(
    "cx_open_oldest_seconds", "Age of the oldest ticket not resolved, to within a minute", windowed=False
)


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """Quantiles and means of the stages that have any; the counts always."""
    have = sight.flow("resolution").get((), {})
    for stage, base in STAGES.items():
        solves = together(have, ONCE, base)
        if solves:
            yield from shown(SECONDS, MEAN, solves, 0, stage)
        yield Sample(RESOLVED, (stage,), solves.get(COUNT, 0))
    yield Sample(REOPENED, (), have.get(REOPENINGS, 0))


def read_stock(sight: Sight) -> Iterator[Sample]:
    """How many are open, and the age of the oldest when there is one."""
    opened = {minute: n for minute, vector in sight.standing("open").items() if (n := vector.get(0, 0)) > 0}
    yield Sample(OPEN, (), sum(opened.values()))
    if opened:
        yield Sample(OLDEST, (), max(0, sight.now - min(opened) * MINUTE) / 1000)


TIMES = Threshold(
    "reopening_times", 1.5, "So many times the usual share of solves that are reopened is a rise"
)
LEAST = Threshold("reopening_solves", 30, "Solves a day below which nobody is told")


def _reopened(window: str) -> str:
    return f'{REOPENED.name}{{window="{window}"}}'


def _solved(window: str) -> str:
    return f'sum without (stage) ({RESOLVED.name}{{stage="first",window="{window}"}})'


ALERTS = (
    Alert(
        name="CxReopenRise",
        severity="ticket",
        domain="tickets",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=rise(
            "cx:reopen_rise",
            "24h",
            count=_reopened,
            base=_solved,
            exposures={"30d": f"({_solved('30d')} - ignoring (window) {_solved('24h')})"},
        ),
        expr=both(
            "cx:reopen_rise:value",
            f"cx:reopen_rise:bound > {TIMES} * cx:reopen_rise:usual",
            f"cx:reopen_rise:n >= {LEAST}",
        ),
        thresholds=(Z, TIMES, LEAST),
        summary=sentence(
            f"{value()} reopenings on {of('cx:reopen_rise:n')} solves{WHERE} within a day (at least "
            f"{of('cx:reopen_rise:bound', TENTH)} by the bound, usual are at most {of('cx:reopen_rise:usual', TENTH)})"
        ),
        description="Tickets come back more often than in the month before: they are closed, but not solved.",
    ),
)

METRIC = Metric(
    name="resolution",
    title="ART / MTTR",
    definition=(
        "From creation to the last solve (stage full, only while the ticket is resolved) or to the first one (stage "
        "first, never taken back), each at its solve's time. A solve is the step into solved or closed, a reopening the "
        "step out of it by a status. Calendar time."
    ),
    formula="solve - creation",
    source="full and first resolution time as in Zendesk's metric definitions",
    example='cx_resolution_mean_seconds{view="total", window="7d", stage="full"} / 3600',
    tallies=(
        Tally("resolution", remembered=True, counts=(REOPENINGS, ONCE, FULL, FIRST)),
        Tally("open", "standing", remembered=True),
    ),
    families=(SECONDS, MEAN, RESOLVED, REOPENED, OPEN, OLDEST),
    panels=(
        Panel(
            title="Resolution time",
            lines=spread(SECONDS, MEAN, LAST),
            unit="s",
            samples=(Line(RESOLVED, only=LAST),),
            least=0,
        ),
        Panel(
            title="Resolved and reopened",
            lines=(Line(RESOLVED, "last solves", only=LAST), Line(REOPENED, "reopenings")),
            least=0,
        ),
        Panel(title="Open tickets", lines=(Line(OPEN),), least=0),
        Panel(title="Oldest open ticket", lines=(Line(OLDEST),), unit="s", samples=(Line(OPEN),), least=0),
    ),
    read=read,
    read_stock=read_stock,
    alerts=ALERTS,
    headlines=(
        Headline("ART / MTTR", MEAN, "seconds", "lower", ("full",), n=RESOLVED, over_time=MEAN),
        Headline("Open tickets", OPEN, "count", "lower"),
    ),
)
