"""Customer Satisfaction Score."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.feedback import CSAT, UNIT, CsatLayout
from stream.core.model.confidence import wilson
from stream.core.model.time_buckets import Window
from stream.monitoring.alerts.annotations import PERCENT, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, wilson_high
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

RATIO = Family("cx_csat_ratio", "Share of satisfied answers, 0 to 1")
LOW = Family("cx_csat_ratio_low", "Lower 95 % confidence bound of the share of satisfied answers (Wilson)")
HIGH = Family("cx_csat_ratio_high", "Upper 95 % confidence bound of the share of satisfied answers (Wilson)")
SCORE = Family("cx_csat_score", "Normalised mean satisfaction: mean of (score - min) / (max - min) * 100")
RESPONSES = Family("cx_csat_responses", "Scored CSAT answers in the window", ("satisfied",))


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Share, bounds and mean when there are answers; the parts always."""
    have = context.flow(CSAT).get((), {})
    satisfied, unsatisfied = have.get(CsatLayout.SATISFIED, 0), have.get(CsatLayout.UNSATISFIED, 0)
    n = satisfied + unsatisfied
    if n:
        low, high = wilson(satisfied, n)
        yield Sample(RATIO, (), satisfied / n)
        yield Sample(LOW, (), low)
        yield Sample(HIGH, (), high)
        yield Sample(SCORE, (), 100 * have.get(CsatLayout.POINTS, 0) / (UNIT * n))
    yield Sample(RESPONSES, ("true",), satisfied)
    yield Sample(RESPONSES, ("false",), unsatisfied)


DROP = Threshold("csat_drop", 0.03, "Share of satisfied answers below the usual that nobody is told of")
TARGET = Threshold(
    "csat_target", 0.5, "The share of satisfied answers of a week that nobody wants to be below"
)
MIN_SAMPLES = Threshold("csat_responses", 30, "CSAT answers below which nobody is told")


def _records(rule: str, window: str) -> tuple[RecordingRule, ...]:
    return (
        RecordingRule(f"{rule}:value", complete(f'{RATIO.name}{{window="{window}"}}')),
        RecordingRule(
            f"{rule}:n", complete(f'sum without (satisfied) ({RESPONSES.name}{{window="{window}"}})')
        ),
        RecordingRule(f"{rule}:bound", wilson_high(f"{rule}:value", f"{rule}:n")),
    )


ALERTS = (
    AlertRule(
        name="CxCsatDrop",
        severity="ticket",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            *_records("cx:csat_drop", "24h"),
            RecordingRule("cx:csat_drop:usual", complete(f'{LOW.name}{{window="30d"}}')),
        ),
        expr=all_of(
            "cx:csat_drop:value",
            f"cx:csat_drop:bound < cx:csat_drop:usual - {DROP}",
            f"cx:csat_drop:n >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, DROP, MIN_SAMPLES),
        summary=annotation(
            f"CSAT{WHERE} is {value(PERCENT)} of {lookup('cx:csat_drop:n')} answers within a day (at most "
            f"{lookup('cx:csat_drop:bound', PERCENT)} by the bound, usual are at least {lookup('cx:csat_drop:usual', PERCENT)})"
        ),
        description="The whole interval of the day is below that of the month: not a few bad answers by chance.",
    ),
    AlertRule(
        name="CxCsatBelowTarget",
        severity="ticket",
        domain="feedback",
        window="7d",
        for_="15m",
        keep_firing_for="6h",
        records=_records("cx:csat_target", "7d"),
        expr=all_of(
            "cx:csat_target:value", f"cx:csat_target:bound < {TARGET}", f"cx:csat_target:n >= {MIN_SAMPLES}"
        ),
        thresholds=(Z, TARGET, MIN_SAMPLES),
        summary=annotation(
            f"CSAT{WHERE} is {value(PERCENT)} of {lookup('cx:csat_target:n')} answers within a week (at most "
            f"{lookup('cx:csat_target:bound', PERCENT)} by the bound, the target is "
            f"{lookup('cx:threshold:csat_target', PERCENT, labels=False)})"
        ),
        description="The whole interval of the week is below the target.",
    ),
)

METRIC = Metric(
    name="csat",
    title="CSAT",
    definition=(
        "Satisfied are the top two points of the answer's scale (the top one when it has fewer than five points); "
        "the default scale is 1 to 5. Scores of different scales are normalised before they are averaged."
    ),
    formula="satisfied / answers; score: mean of (score - min) / (max - min) * 100",
    source="top-two-box share; bounds: E. B. Wilson, Journal of the American Statistical Association, 1927",
    example='cx_csat_ratio{view="total", window="7d"}',
    aggregates=(CSAT,),
    families=(RATIO, LOW, HIGH, SCORE, RESPONSES),
    panels=(
        Panel(
            title="CSAT",
            lines=(Line(RATIO),),
            unit="percentunit",
            bounds=(LOW, HIGH),
            samples=(Line(RESPONSES),),
            min=0,
            max=1,
        ),
        Panel(
            title="CSAT, normalised mean", lines=(Line(SCORE),), samples=(Line(RESPONSES),), min=0, max=100
        ),
    ),
    read=read,
    alerts=ALERTS,
    headlines=(
        Headline(
            "CSAT", RATIO, "ratio", "higher", low=LOW, high=HIGH, sample_size=RESPONSES, timeline_family=RATIO
        ),
    ),
)
