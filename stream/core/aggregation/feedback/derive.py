"""Contributions of an answer, as a pure function of the entity."""

from functools import lru_cache

from schemas.feedback import Scale
from stream.core.aggregation.entity_store import project_dimensions
from stream.core.aggregation.feedback.entity import Answer, AnswerContent
from stream.core.model.aggregate import Aggregate, Contribution, Vector
from stream.core.model.aggregates.feedback import (
    CES,
    CSAT,
    NPS,
    REASONS,
    RESPONSE,
    OfferOutcome,
    ReasonsLayout,
    ces_vector,
    csat_vector,
    nps_vector,
    response_vector,
)
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOUR

SCORED: dict[str, Aggregate] = {aggregate.name: aggregate for aggregate in (NPS, CSAT, CES)}
"""The aggregates of scores by survey."""


def derive(answer: Answer, config: AggregationConfig) -> list[Contribution]:
    """Return the contributions of an answer and of its offer, which goes to the response rate."""
    content = answer.content if answer.deleted is None else None
    contributions = [] if content is None else _derive_content(content, answer.minute, config)
    if (offer := answer.offer) is not None:
        outcome: OfferOutcome = (
            "offered" if content is None else "answered" if content.is_response else "dismissed"
        )
        values = project_dimensions(offer.values, config)
        vector = response_vector(outcome)
        contributions.append(Contribution(RESPONSE.name, values, (offer.survey,), offer.minute, vector))
    return contributions


def _derive_content(content: AnswerContent, minute: int, config: AggregationConfig) -> list[Contribution]:
    """Return the contributions of a score and of reasons at the answer's minute."""
    survey = content.survey
    contributions: list[Contribution] = []
    values = config.projection_cache.get(content.values) or project_dimensions(content.values, config)
    if (score := content.score) is not None and (
        vector := score_vector(survey, score, content.scale, content.direction, content.premature)
    ):
        contributions.append(Contribution(SCORED[survey].name, values, (), minute, vector))
    if content.reasons and content.is_response:
        contributions += [
            Contribution(REASONS.name, values, (survey, code), minute, {ReasonsLayout.ANSWERS: 1})
            for code in content.reasons
        ]
    return contributions


@lru_cache(maxsize=4_096)
def score_vector(
    survey: str, score: int, scale: Scale | None, direction: str | None, premature: bool
) -> Vector:
    """Return the vector of a score, empty for a survey whose scores have no aggregate. It is cached: do not change it."""
    match survey:
        case NPS.name:
            return nps_vector(score, premature=premature)
        case CSAT.name:
            return csat_vector(score, scale)
        case CES.name:
            return ces_vector(score, scale, direction)
    return {}


def expires_at(minute: int, config: AggregationConfig) -> int:
    """Return the watermark in ms at which an answer expires whose newest event is of that minute."""
    return (minute // 60 + 1) * HOUR + config.allowed_lateness
