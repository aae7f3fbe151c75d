"""Events of feedback for tests, and short forms of what they give."""

from typing import Any

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import nps
from tests.support import (
    NOW,
    Event,
    figures,
)


def answer(
    feedback: str,
    score: int | None,
    at: int = NOW,
    stamp: int | None = None,
    event_id: str = "e",
    **fields: Any,
) -> Event:
    data = FeedbackSubmitted(feedback_id=feedback, survey=fields.pop("survey", "nps"), score=score, **fields)
    return Event(data, at, at if stamp is None else stamp, event_id)


def offer(feedback: str, at: int = NOW, **fields: Any) -> Event:
    return Event(FeedbackOffered(feedback_id=feedback, survey=fields.pop("survey", "nps"), **fields), at, at)


def deletion(feedback: str, at: int = NOW, **fields: Any) -> Event:
    return Event(FeedbackDeleted(feedback_id=feedback, **fields), at, at)


def outcomes(partition: PartitionTask) -> dict[str, int]:
    return {outcome: n for outcome, n in partition.outcome_counts.items() if n}


def score(partition: PartitionTask, now: int = NOW, **filters: Any) -> float | None:
    return figures(nps.METRIC, partition, now, **filters).get(("cx_nps_score",))
