"""Survey response rate."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.feedback import RESPONSE, ResponseLayout
from stream.core.model.time_buckets import Window

SURVEYS = ("nps", "csat", "ces", "exit")

RATIO = Family(
    "cx_survey_response_ratio",
    "Share of the offers of the window that were answered, 0 to 1",
    ("survey",),
    unit="ratio",
)
COUNTS = (
    Family("cx_survey_offered", "Surveys offered in the window", ("survey",)),
    Family("cx_survey_answered", "Offers of the window that were answered, at any time", ("survey",)),
    Family("cx_survey_dismissed", "Offers of the window that were dismissed", ("survey",)),
)

SURVEY_LABELS = ("survey",)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the ratio of surveys with offers, and the counts of every survey."""
    cells = context.flow(RESPONSE)
    for survey in SURVEYS:
        vector = cells.get((survey,), {})
        if offered := vector.get(ResponseLayout.OFFERED, 0):
            yield Sample(RATIO, (survey,), vector.get(ResponseLayout.ANSWERED, 0) / offered)
        for component, family in enumerate(COUNTS):
            yield Sample(family, (survey,), vector.get(component, 0))


METRIC = Metric(
    name="response_rate",
    version=2,
    title="Response rate",
    definition=(
        "The share of the surveys offered in the window that were answered, at any time. Survey, dimensions "
        "and time are those of the offer. Dismissed and deleted answers do not count, premature ones do."
    ),
    formula="answered / offered",
    excluded="Answers to surveys whose offer was not published. A second offer with the same feedback_id.",
    source="AAPOR Standard Definitions, response rate 1, with every offer eligible",
    example='cx_survey_response_ratio{view="total", window="7d", survey="nps"}',
    aggregates=(RESPONSE,),
    families=(RATIO, *COUNTS),
    compared=(RATIO, COUNTS[ResponseLayout.OFFERED], COUNTS[ResponseLayout.ANSWERED]),
    panels=(
        Panel(
            title="Response rate",
            lines=(Line(RATIO, by=SURVEY_LABELS),),
            samples=(Line(COUNTS[ResponseLayout.OFFERED], by=SURVEY_LABELS),),
            min=0,
            max=1,
        ),
        Panel(
            title="Answered and dismissed",
            lines=(
                Line(COUNTS[ResponseLayout.ANSWERED], "answered", SURVEY_LABELS),
                Line(COUNTS[ResponseLayout.DISMISSED], "dismissed", SURVEY_LABELS),
            ),
        ),
    ),
    read_flows=read_flows,
    headlines=(
        Headline(
            "Response rate",
            RATIO,
            "higher",
            (None,),
            sample_size=COUNTS[ResponseLayout.OFFERED],
            timeline_family=RATIO,
        ),
    ),
)
