"""Contributions of an answer, as a pure function of the entity."""

from functools import lru_cache

from schemas.feedback import Scale
from stream.core.aggregation.entity_store import EntityStore, project_dimensions
from stream.core.aggregation.feedback.entity import Answer, AnswerContent
from stream.core.model.aggregate import Aggregate, Contribution, OwnLabels, Vector
from stream.core.model.aggregates.feedback import (
    CES,
    CSAT,
    NPS,
    REASONS,
    RESPONSE,
    OfferOutcome,
    ces_labels,
    ces_vector,
    csat_vector,
    nps_vector,
    reason_vector,
    response_vector,
)
from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig
from stream.core.model.time_buckets import HOUR, MINUTE

SCORED: dict[str, Aggregate] = {aggregate.name: aggregate for aggregate in (NPS, CSAT, CES)}
"""The aggregates of scores by survey."""


def derive(answer: Answer, config: AggregationConfig) -> list[Contribution]:
    """Return the contributions of an answer and of its offer, which goes to the response rate."""
    content = answer.content if answer.deleted is None else None
    contributions = [] if content is None else _derive_content(content, answer.time // MINUTE, config)
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
    vector: Vector = {}
    if (score := content.score) is not None and (
        vector := score_vector(survey, score, content.scale, content.direction, content.premature)
    ):
        own_labels = score_labels(survey, content.scale, content.direction, content.scale_capped)
        contributions.append(Contribution(SCORED[survey].name, values, own_labels, minute, vector))
    if content.reasons and content.is_response:
        of_reason = reason_vector(survey, vector)
        contributions += [
            Contribution(REASONS.name, values, (survey, code), minute, of_reason) for code in content.reasons
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


def score_labels(survey: str, scale: Scale | None, direction: str | None, scale_capped: bool) -> OwnLabels:
    """Return the own labels of a score: direction and scale for CES, none for other surveys."""
    if survey != CES.name:
        return ()
    own_direction, own_scale = ces_labels(scale, direction)
    return own_direction, OTHER_VALUE if scale_capped else own_scale


def scale_is_capped(store: EntityStore, survey: str, scale: Scale | None, direction: str | None) -> bool:
    """Return whether a score is counted under `__other__`, because its direction has too many scales.

    Only CES has the scale as a label.
    """
    if survey != CES.name:
        return False
    own_direction, own_scale = ces_labels(scale, direction)
    return store.cardinality.cap_code(CES.name, own_direction, own_scale) == OTHER_VALUE


def expires_at(minute: int, config: AggregationConfig) -> int:
    """Return the watermark in ms at which an answer expires whose newest bucket is that minute."""
    return (minute // 60 + 1) * HOUR + config.allowed_lateness
