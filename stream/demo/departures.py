"""Hidden rates by which simulated customers leave, and are satisfied with their tickets.

A customer who enters a class (by a first answer to NPS, or by one of another class) leaves while in it with the probability of
that class. So the rates that cxgauge shows are within their bounds of these, unless it is wrong or the sample is unlucky.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.feedback import FeedbackDeleted, FeedbackSubmitted
from stream.demo.story import TimedEvent

CHURN_RATES = {"promoter": 0.02, "passive": 0.05, "detractor": 0.15, "none": 0.03}
"""Probability to leave, by class of the newest answer to NPS."""
SATISFIED_RATES = {"in_time": 0.85, "late": 0.45}
"""Probability to be satisfied with a ticket, by whether its first response was in time."""


class Spell(NamedTuple):
    """A time in ms for which a customer has a class. The last one has no end."""

    name: str
    start: int
    end: int | None


def class_of(score: int) -> str:
    """Return the class of an answer to NPS."""
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


def spells(events: Iterable[TimedEvent], start: int) -> dict[str, list[Spell]]:
    """Return the spells of each customer with an answer to NPS, from `start` (ms) on, the first without a class."""
    return {customer: _spells(classes, start) for customer, classes in _classes(events).items()}


def _spells(classes: list[tuple[int, str]], start: int) -> list[Spell]:
    steps = [(start, "none")]
    for moment, name in classes:
        if name != steps[-1][1]:
            steps.append((moment, name))
    ends = [moment for moment, _ in steps[1:]]
    return [Spell(name, begin, end) for (begin, name), end in zip(steps, [*ends, None], strict=True)]


def _classes(events: Iterable[TimedEvent]) -> Mapping[str, list[tuple[int, str]]]:
    """Return the classes of each customer's answers by the time of the first revision, in order."""
    moments: dict[str, int] = {}
    answers: dict[str, FeedbackSubmitted] = {}
    deleted: set[str] = set()
    for time, _, data in events:
        if isinstance(data, FeedbackDeleted):
            deleted.add(data.feedback_id)
        elif isinstance(data, FeedbackSubmitted) and data.survey == "nps" and data.customer_id is not None:
            moments.setdefault(data.feedback_id, time)
            answers[data.feedback_id] = data  # revisions come in order
    classes: dict[str, list[tuple[int, str]]] = {}
    for feedback_id, answer in sorted(answers.items(), key=lambda item: moments[item[0]]):
        if answer.score is not None and answer.customer_id is not None and feedback_id not in deleted:
            classes.setdefault(answer.customer_id, []).append((moments[feedback_id], class_of(answer.score)))
    return classes
