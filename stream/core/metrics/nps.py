"""Net Promoter Score."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.feedback import NPS, NpsLayout
from stream.core.model.confidence import adjusted_wald
from stream.core.model.time_buckets import Window
from stream.monitoring.alerts.annotations import TENTH, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

CATEGORIES = ("promoter", "passive", "detractor")

SCORE = Family("cx_nps_score", "Net Promoter Score: 100 * (promoters - detractors) / responses, -100 to 100")
LOW = Family("cx_nps_score_low", "Lower 95 % confidence bound of the Net Promoter Score (adjusted Wald)")
HIGH = Family("cx_nps_score_high", "Upper 95 % confidence bound of the Net Promoter Score (adjusted Wald)")
RESPONSES = Family("cx_nps_responses", "Scored NPS answers in the window", ("category",))
PREMATURE_RESPONSES = Family(
    "cx_nps_premature_responses", "NPS answers given before the transaction that they are about"
)


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Score and bounds when there are answers; the parts always."""
    have = context.flow(NPS).get((), {})
    parts = [
        have.get(component, 0)
        for component in (NpsLayout.PROMOTERS, NpsLayout.PASSIVES, NpsLayout.DETRACTORS)
    ]
    n = sum(parts)
    if n:
        promoters, _passives, detractors = parts
        low, high = adjusted_wald(promoters, detractors, n)
        yield Sample(SCORE, (), 100 * (promoters - detractors) / n)
        yield Sample(LOW, (), low)
        yield Sample(HIGH, (), high)
    for category, count in zip(CATEGORIES, parts, strict=True):
        yield Sample(RESPONSES, (category,), count)
    yield Sample(PREMATURE_RESPONSES, (), have.get(NpsLayout.PREMATURE, 0))


DROP = Threshold("nps_drop", 5, "Points of NPS below the usual that nobody is told of")
TARGET = Threshold("nps_target", 0, "The NPS of a week that nobody wants to be below")
MIN_SAMPLES = Threshold("nps_responses", 30, "NPS answers below which nobody is told")


def _records(rule: str, window: str) -> tuple[RecordingRule, ...]:
    """The upper bound is as many standard deviations away as the rules want, not the 1.96 of the exposed one."""
    low, high = (f'{family.name}{{window="{window}"}}' for family in (LOW, HIGH))
    return (
        RecordingRule(f"{rule}:value", complete(f'{SCORE.name}{{window="{window}"}}')),
        RecordingRule(
            f"{rule}:n", complete(f'sum without (category) ({RESPONSES.name}{{window="{window}"}})')
        ),
        RecordingRule(
            f"{rule}:bound", complete(f"(({high} + {low}) / 2 + ({high} - {low}) / 2 * {Z} / 1.96)")
        ),
    )


ALERTS = (
    AlertRule(
        name="CxNpsDrop",
        severity="ticket",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            *_records("cx:nps_drop", "24h"),
            RecordingRule("cx:nps_drop:usual", complete(f'{LOW.name}{{window="30d"}}')),
        ),
        expr=all_of(
            "cx:nps_drop:value",
            f"cx:nps_drop:bound < cx:nps_drop:usual - {DROP}",
            f"cx:nps_drop:n >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, DROP, MIN_SAMPLES),
        summary=annotation(
            f"NPS{WHERE} is {value(TENTH)} of {lookup('cx:nps_drop:n')} answers within a day (at most "
            f"{lookup('cx:nps_drop:bound', TENTH)} by the bound, usual are at least {lookup('cx:nps_drop:usual', TENTH)})"
        ),
        description="The whole interval of the day is below that of the month: not a few bad answers by chance.",
    ),
    AlertRule(
        name="CxNpsBelowTarget",
        severity="ticket",
        domain="feedback",
        window="7d",
        for_="15m",
        keep_firing_for="6h",
        records=_records("cx:nps_target", "7d"),
        expr=all_of(
            "cx:nps_target:value", f"cx:nps_target:bound < {TARGET}", f"cx:nps_target:n >= {MIN_SAMPLES}"
        ),
        thresholds=(Z, TARGET, MIN_SAMPLES),
        summary=annotation(
            f"NPS{WHERE} is {value(TENTH)} of {lookup('cx:nps_target:n')} answers within a week (at most "
            f"{lookup('cx:nps_target:bound', TENTH)} by the bound, the target is "
            f"{lookup('cx:threshold:nps_target', TENTH, labels=False)})"
        ),
        description="The whole interval of the week is below the target.",
    ),
)

METRIC = Metric(
    name="nps",
    title="NPS",
    definition=(
        "Promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6 on the scale from 0 to 10. Dismissed answers "
        "do not count. An answer given before its transaction is premature: not in n, counted apart."
    ),
    formula="100 * (promoters - detractors) / (promoters + passives + detractors)",
    source="F. Reichheld, Harvard Business Review, December 2003; bounds: B. Rocks, The American Statistician, 2016",
    example='cx_nps_score{view="channel", window="24h"}',
    aggregates=(NPS,),
    families=(SCORE, LOW, HIGH, RESPONSES, PREMATURE_RESPONSES),
    panels=(
        Panel(
            title="NPS",
            lines=(Line(SCORE),),
            bounds=(LOW, HIGH),
            samples=(Line(RESPONSES),),
            min=-100,
            max=100,
        ),
        Panel(
            title="NPS answers",
            lines=(Line(RESPONSES, by=("category",)), Line(PREMATURE_RESPONSES, "premature")),
        ),
    ),
    read=read,
    alerts=ALERTS,
    headlines=(
        Headline(
            "NPS", SCORE, "points", "higher", low=LOW, high=HIGH, sample_size=RESPONSES, timeline_family=SCORE
        ),
    ),
)
