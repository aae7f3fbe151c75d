"""Who waits for a first response now: the alert before the reply exists."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.tickets import WAITING, WaitingLayout
from stream.core.model.time_buckets import MINUTE
from stream.monitoring.alerts.annotations import DURATION, TENTH, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, larger, poisson_low
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

TICKETS = Family("cx_waiting_tickets", "Unresolved tickets that wait for a first response", windowed=False)
OVER = Family(
    "cx_waiting_over_target_tickets", "Of these those that wait longer than their target", windowed=False
)
OLDEST = Family(
    "cx_waiting_oldest_seconds", "How long the longest of them has waited, to within a minute", windowed=False
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


SHARE = Threshold(
    "waiting_share", 0.1, "Tickets over target, as a share of the first responses of an hour, that may wait"
)
MIN_SAMPLES = Threshold("waiting_tickets", 5, "Tickets over target below which nobody is told")
_RESPONSES = 'cx_first_responses{window="%s"}'

ALERTS = (
    AlertRule(
        name="CxWaitingOverTarget",
        severity="page",
        domain="tickets",
        for_="1m",
        keep_firing_for="10m",
        records=(
            RecordingRule("cx:waiting:value", complete(OVER.name)),
            RecordingRule("cx:waiting:n", complete(TICKETS.name)),
            RecordingRule("cx:waiting:bound", poisson_low("cx:waiting:value")),
            RecordingRule(
                "cx:waiting:usual",
                f"{SHARE} * ({larger(complete(_RESPONSES % '1h'), complete(_RESPONSES % '24h') + ' / 24')})",
            ),
        ),
        expr=all_of(
            "cx:waiting:value", "cx:waiting:bound > cx:waiting:usual", f"cx:waiting:value >= {MIN_SAMPLES}"
        ),
        thresholds=(Z, SHARE, MIN_SAMPLES),
        summary=annotation(
            f"{value()} of {lookup('cx:waiting:n')} tickets that wait for a first response{WHERE} are over target, the oldest for "
            f"{lookup(OLDEST.name, DURATION)} (at least {lookup('cx:waiting:bound', TENTH)} by the bound, "
            f"{lookup('cx:waiting:usual', TENTH)} may wait)"
        ),
        description="Customers wait longer than promised, and nobody has answered yet: there is time to act.",
    ),
)

METRIC = Metric(
    name="waiting",
    title="Waiting",
    definition=(
        "Open contact cycles (see first_response) of unresolved tickets, now. Over target goes by the target's own hours: "
        "calendar time, or business hours where a calendar holds for the ticket. Ages are to within a minute."
    ),
    formula="count of open cycles; now - opening of the oldest",
    source="first response time before there is a response",
    example='cx_waiting_over_target_tickets{view="channel"} > 0',
    aggregates=(WAITING,),
    families=(TICKETS, OVER, OLDEST),
    panels=(
        Panel(title="Waiting", lines=(Line(TICKETS, "waiting"), Line(OVER, "over target")), min=0),
        Panel(title="Longest wait", lines=(Line(OLDEST),), unit="s", samples=(Line(TICKETS),), min=0),
    ),
    read_stock=read_stock,
    alerts=ALERTS,
    headlines=(
        Headline("Waiting now", TICKETS, "count", "lower"),
        Headline("Waiting over target", OVER, "count", "lower"),
        Headline("Longest wait", OLDEST, "seconds", "lower", sample_size=TICKETS),
    ),
)
