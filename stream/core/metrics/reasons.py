"""Reason codes of answers, of exit surveys too, and their impact on the scores of the answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from stream.core.metrics import csat, nps
from stream.core.metrics.metric import Family, FlowContext, Line, Metric, Panel, Sample
from stream.core.metrics.reason_impact import Impact, impact_on_csat, impact_on_nps
from stream.core.metrics.top import largest_counts
from stream.core.model.aggregate import Aggregate
from stream.core.model.aggregates import feedback
from stream.core.model.aggregates.feedback import CSAT, NPS, REASON_CLASSES, ReasonsLayout
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.model.time_buckets import Window

MAX_IMPACTS = 10
"""Maximum number of reasons of a survey whose impact is shown: those that the most answers with a class name."""

REASONS = Family("cx_feedback_reasons", "Answers with a reason code", ("survey", "reason"))
NPS_IMPACT = Family(
    "cx_nps_reason_impact",
    "Net Promoter Score, less the score without the answers that name the reason",
    ("reason",),
    unit="points",
)
NPS_LOW = NPS_IMPACT._replace(
    name="cx_nps_reason_impact_low", help="Lower 95 % confidence bound of the impact of a reason on NPS (Zou)"
)
NPS_HIGH = NPS_IMPACT._replace(
    name="cx_nps_reason_impact_high",
    help="Upper 95 % confidence bound of the impact of a reason on NPS (Zou)",
)
NPS_RESPONSES = Family(
    "cx_nps_reason_responses",
    "Scored NPS answers with a reason whose impact is shown",
    ("reason", "category"),
)
CSAT_IMPACT = Family(
    "cx_csat_reason_impact",
    "Share of satisfied answers, less the share without the answers that name the reason",
    ("reason",),
    unit="ratio",
)
CSAT_LOW = CSAT_IMPACT._replace(
    name="cx_csat_reason_impact_low",
    help="Lower 95 % confidence bound of the impact of a reason on CSAT (Zou)",
)
CSAT_HIGH = CSAT_IMPACT._replace(
    name="cx_csat_reason_impact_high",
    help="Upper 95 % confidence bound of the impact of a reason on CSAT (Zou)",
)
CSAT_RESPONSES = Family(
    "cx_csat_reason_responses",
    "Scored CSAT answers with a reason whose impact is shown",
    ("reason", "satisfied"),
)


class ScoredSurvey(NamedTuple):
    """The series about the reasons of a survey.

    Attributes:
        scores: the aggregate of its scores
        score: the series on which reasons have an impact
        classes: the values of the second label of `responses`
        impacts: the series of impacts with lower and upper bounds
        everyone: the answers by class
        responses: the answers with a reason, by reason and class
        impact_on: returns an impact from the answers with a reason and all, by class
    """

    scores: Aggregate
    score: Family
    classes: tuple[str, ...]
    impacts: tuple[Family, Family, Family]
    everyone: Family
    responses: Family
    impact_on: Callable[[Sequence[int], Sequence[int]], Impact | None]


SURVEYS = (
    ScoredSurvey(
        NPS,
        nps.SCORE,
        nps.CATEGORIES,
        (NPS_IMPACT, NPS_LOW, NPS_HIGH),
        nps.RESPONSES,
        NPS_RESPONSES,
        impact_on_nps,
    ),
    ScoredSurvey(
        CSAT,
        csat.RATIO,
        ("true", "false"),
        (CSAT_IMPACT, CSAT_LOW, CSAT_HIGH),
        csat.RESPONSES,
        CSAT_RESPONSES,
        impact_on_csat,
    ),
)
"""The surveys of which reasons have an impact."""


class ReasonAnswers(NamedTuple):
    """Answers by class, such as promoters, passives and detractors: those that name a reason, and all."""

    reason: str
    naming: tuple[int, ...]
    everyone: tuple[int, ...]


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the most frequent codes of each survey and the others together, and the impacts of the top ones."""
    by_survey: dict[str, dict[str, int]] = {}
    for (survey, reason), vector in context.flow(feedback.REASONS).items():
        by_survey.setdefault(survey, {})[reason] = vector.get(ReasonsLayout.ANSWERS, 0)
    for survey, counts in sorted(by_survey.items()):
        for reason, n in largest_counts(counts, context.config.top):
            yield Sample(REASONS, (survey, reason), n)
    for scored in SURVEYS:
        for top in top_reasons(context, scored.scores):
            yield from _impact(scored, top)


def _impact(survey: ScoredSurvey, top: ReasonAnswers) -> Iterator[Sample]:
    """Yield the impact of a reason with its bounds and sample sizes, nothing if there is no score without the reason."""
    if impact := survey.impact_on(top.naming, top.everyone):
        for family, value in zip(survey.impacts, impact, strict=True):
            yield Sample(family, (top.reason,), value)
        for name, n in zip(survey.classes, top.naming, strict=True):
            yield Sample(survey.responses, (top.reason, name), n)


def top_reasons(context: FlowContext, scores: Aggregate) -> list[ReasonAnswers]:
    """Return the reasons that the most answers with a class name, at most `MAX_IMPACTS` and `metrics.top`.

    `__other__` is not one of them, because an answer can name several codes beyond the cardinality limit.
    """
    classes = REASON_CLASSES[scores.name]
    everyone = _counts(context.flow(scores).get((), {}), classes)
    by_reason = {
        reason: _counts(vector, classes.values())
        for (survey, reason), vector in context.flow(feedback.REASONS).items()
        if survey == scores.name
    }
    sizes = {reason: sum(naming) for reason, naming in by_reason.items()}
    ranked = largest_counts(sizes, min(MAX_IMPACTS, context.config.top))
    return [
        ReasonAnswers(reason, by_reason[reason], everyone) for reason, _ in ranked if reason != OTHER_VALUE
    ]


def _counts(vector: Mapping[int, int], components: Iterable[int]) -> tuple[int, ...]:
    return tuple(vector.get(component, 0) for component in components)


METRIC = Metric(
    name="reasons",
    version=2,
    title="Reasons",
    definition=(
        "Answers with a reason code, by survey (exit surveys included). A code counts once per answer. The "
        "most frequent codes of the window are shown, the others together as __other__. The impact of a code on NPS "
        "or CSAT is the score, less the score without the answers that name the code. It is negative if these answers "
        "lower the score. The 10 codes that the most scored answers name have one, unless all scored answers "
        "name the code. Its n is the sum of cx_nps_reason_responses or cx_csat_reason_responses, which divided by the "
        "responses of the same class are the share of the code in that class. Impacts are associations, not "
        "causes. An answer can name several codes, so impacts do not add up."
    ),
    formula="count of answers; impact: score - score without the answers that name the reason",
    excluded=(
        "Dismissed and deleted answers, and all revisions but the highest. An exit survey with "
        "reasons and without a score is an answer. Premature answers count in cx_feedback_reasons, and not in impacts."
    ),
    source=(
        "the codes are the publisher's; bounds of impacts: G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008, from "
        "the bounds of NPS and CSAT"
    ),
    example='topk(5, cx_feedback_reasons{view="total", window="7d", survey="nps"})',
    aggregates=(feedback.REASONS, NPS, CSAT),
    families=(REASONS, *(family for survey in SURVEYS for family in (*survey.impacts, survey.responses))),
    panels=(
        Panel(title="Reasons", lines=(Line(REASONS, by=("survey", "reason")),)),
        Panel(
            title="Impact of reasons on NPS",
            lines=(Line(NPS_IMPACT, by=("reason",)),),
            bounds=(NPS_LOW, NPS_HIGH),
            samples=(Line(NPS_RESPONSES, by=("reason",)),),
        ),
        Panel(
            title="Impact of reasons on CSAT",
            lines=(Line(CSAT_IMPACT, by=("reason",)),),
            bounds=(CSAT_LOW, CSAT_HIGH),
            samples=(Line(CSAT_RESPONSES, by=("reason",)),),
        ),
    ),
    read_flows=read_flows,
)
