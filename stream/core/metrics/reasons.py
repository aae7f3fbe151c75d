"""Reason codes of answers, of exit surveys too."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Line, Metric, Panel, Sample
from stream.core.metrics.top import largest_counts
from stream.core.model.aggregates import feedback
from stream.core.model.aggregates.feedback import ReasonsLayout
from stream.core.model.time_buckets import Window

REASONS = Family("cx_feedback_reasons", "Answers with a reason code", ("survey", "reason"))


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the most frequent codes of each survey, and the others together."""
    by_survey: dict[str, dict[str, int]] = {}
    for (survey, reason), vector in context.flow(feedback.REASONS).items():
        by_survey.setdefault(survey, {})[reason] = vector.get(ReasonsLayout.ANSWERS, 0)
    for survey, counts in sorted(by_survey.items()):
        for reason, n in largest_counts(counts, context.config.top):
            yield Sample(REASONS, (survey, reason), n)


METRIC = Metric(
    name="reasons",
    version=2,
    title="Reasons",
    definition=(
        "Answers with a reason code, by survey (exit surveys included). A code counts once per answer. The "
        "most frequent codes of the window are shown, the others together as __other__."
    ),
    formula="count of answers",
    excluded=(
        "Dismissed and deleted answers, and all revisions but the highest. An exit survey with "
        "reasons and without a score is an answer."
    ),
    source="the codes are the publisher's",
    example='topk(5, cx_feedback_reasons{view="total", window="7d", survey="nps"})',
    aggregates=(feedback.REASONS,),
    families=(REASONS,),
    panels=(Panel(title="Reasons", lines=(Line(REASONS, by=("survey", "reason")),)),),
    read_flows=read_flows,
)
