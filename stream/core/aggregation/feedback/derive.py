"""Contributions of an answer, as a pure function of the entity."""

from functools import lru_cache
from typing import Literal

from schemas.feedback import Scale
from stream.core.aggregation.entity_store import project_dimensions
from stream.core.aggregation.feedback.entity import Answer, AnswerContent
from stream.core.metrics import ces, csat, nps, response_rate
from stream.core.model.aggregate import Contribution, Vector
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOUR

OfferOutcome = Literal["offered", "answered", "dismissed"]
"""The state of an offer."""


def derive(answer: Answer, config: AggregationConfig) -> list[Contribution]:
    """Return the contributions of an answer, and of its offer to the response rate."""
    content = answer.content if answer.deleted is None else None
    derived = [] if content is None else _derive_content(content, answer.minute, config)
    if (offer := answer.offer) is not None:
        offer_outcome: OfferOutcome = (
            "offered" if content is None else "answered" if content.is_response else "dismissed"
        )
        vector = response_rate.vector(offer_outcome)
        values = project_dimensions(offer.values, config)
        derived.append(Contribution("response", values, (offer.survey,), offer.minute, vector))
    return derived


def _derive_content(content: AnswerContent, minute: int, config: AggregationConfig) -> list[Contribution]:
    """Return the contributions of score and reasons at the minute of the answer."""
    survey, derived = content.survey, []
    values = config.projection_cache.get(content.values) or project_dimensions(content.values, config)
    if (score := content.score) is not None and (
        vector := score_vector(survey, score, content.scale, content.direction, content.premature)
    ):
        derived.append(Contribution(survey, values, (), minute, vector))
    if content.reasons and content.is_response:
        derived += [
            Contribution("reasons", values, (survey, code), minute, {0: 1}) for code in content.reasons
        ]
    return derived


@lru_cache(maxsize=4_096)
def score_vector(
    survey: str, score: int, scale: Scale | None, direction: str | None, premature: bool
) -> Vector:
    """Return the vector of a score in the aggregate of its survey, empty for a survey without an aggregate.

    The vector is cached and must not be changed.
    """
    match survey:
        case "nps":
            return nps.vector(score, premature)
        case "csat":
            return csat.vector(score, scale)
        case "ces":
            return ces.vector(score, scale, direction)
    return {}


def expires_at(minute: int, config: AggregationConfig) -> int:
    """Return the watermark in ms at which an answer expires whose newest event is of that minute."""
    return (minute // 60 + 1) * HOUR + config.allowed_lateness
