"""Survey response rate."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.feedback import RESPONSE, ResponseLayout
from stream.core.model.time_buckets import Window
from stream.monitoring.alerts.annotations import PERCENT, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, wilson_high, wilson_low
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

SURVEYS = ("nps", "csat", "ces", "exit")

RATIO = Family(
    "cx_survey_response_ratio", "Share of the offers of the window that were answered, 0 to 1", ("survey",)
)
COUNTS = (
    Family("cx_survey_offered", "Surveys offered in the window", ("survey",)),
    Family("cx_survey_answered", "Offers of the window whose answer, given at any time, counts", ("survey",)),
    Family("cx_survey_dismissed", "Offers of the window that were dismissed", ("survey",)),
)

OWN = ("survey",)


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """The ratio where something was offered; the counts of every survey."""
    cells = context.flow(RESPONSE)
    for survey in SURVEYS:
        have = cells.get((survey,), {})
        if offered := have.get(ResponseLayout.OFFERED, 0):
            yield Sample(RATIO, (survey,), have.get(ResponseLayout.ANSWERED, 0) / offered)
        for component, family in enumerate(COUNTS):
            yield Sample(family, (survey,), have.get(component, 0))


SHARE = Threshold(
    "response_rate_share",
    0.5,
    "Of the usual response rate so much is left: the latest offers may still be answered",
)
MIN_SAMPLES = Threshold("response_rate_offers", 30, "Offers a day below which nobody is told")


def _before(family: Family) -> str:
    """Of the month without the last day."""
    return complete(f'({family.name}{{window="30d"}} - ignoring (window) {family.name}{{window="24h"}})')


ALERTS = (
    AlertRule(
        name="CxResponseRateFall",
        severity="ticket",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            RecordingRule("cx:response_rate:value", complete(f'{RATIO.name}{{window="24h"}}')),
            RecordingRule(
                "cx:response_rate:n", complete(f'{COUNTS[ResponseLayout.OFFERED].name}{{window="24h"}}')
            ),
            RecordingRule(
                "cx:response_rate:bound", wilson_high("cx:response_rate:value", "cx:response_rate:n")
            ),
            RecordingRule("cx:response_rate:offered", _before(COUNTS[ResponseLayout.OFFERED])),
            RecordingRule(
                "cx:response_rate:past",
                f"{_before(COUNTS[ResponseLayout.ANSWERED])} / cx:response_rate:offered",
            ),
            RecordingRule(
                "cx:response_rate:usual", wilson_low("cx:response_rate:past", "cx:response_rate:offered")
            ),
        ),
        expr=all_of(
            "cx:response_rate:value",
            f"cx:response_rate:bound < {SHARE} * cx:response_rate:usual",
            f"cx:response_rate:n >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, SHARE, MIN_SAMPLES),
        summary=annotation(
            f"{value(PERCENT)} of {lookup('cx:response_rate:n')} surveys{WHERE} offered within a day were answered (at most "
            f"{lookup('cx:response_rate:bound', PERCENT)} by the bound, usual are at least {lookup('cx:response_rate:usual', PERCENT)})"
        ),
        description="Customers no longer answer, or can no longer: every score is of fewer people than before.",
    ),
)

METRIC = Metric(
    name="response_rate",
    title="Response rate",
    definition=(
        "Of the surveys offered in the window, the share whose answer counts, whenever it was given: by the offer's "
        "survey, dimensions and time. Dismissed and deleted answers do not count, premature ones do."
    ),
    formula="answered / offered",
    source="AAPOR Standard Definitions, response rate 1, with every offer eligible",
    example='cx_survey_response_ratio{view="total", window="7d", survey="nps"}',
    aggregates=(RESPONSE,),
    families=(RATIO, *COUNTS),
    panels=(
        Panel(
            title="Response rate",
            lines=(Line(RATIO, by=OWN),),
            unit="percentunit",
            samples=(Line(COUNTS[ResponseLayout.OFFERED], by=OWN),),
            min=0,
            max=1,
        ),
        Panel(
            title="Answered and dismissed",
            lines=(
                Line(COUNTS[ResponseLayout.ANSWERED], "answered", OWN),
                Line(COUNTS[ResponseLayout.DISMISSED], "dismissed", OWN),
            ),
        ),
    ),
    read=read,
    alerts=ALERTS,
    headlines=(
        Headline(
            "Response rate",
            RATIO,
            "ratio",
            "higher",
            (None,),
            sample_size=COUNTS[ResponseLayout.OFFERED],
            timeline_family=RATIO,
        ),
    ),
)
