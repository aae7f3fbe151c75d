"""Simulated surveys of a shop whose app has had a bad checkout for three days.

The same seed gives the same events.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple, TypeVar

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted, Survey
from schemas.fields import Data

T = TypeVar("T")

SECOND, MINUTE, DAY = 1_000, 60_000, 86_400_000
HISTORY = 29 * DAY
"""Time in ms that the story covers, so far within the longest window that no event leaves it during the demo."""
BAD_FOR = 3 * DAY
ANONYMOUS_FOR = DAY
"""Visits of the last day are anonymous, so that nobody who has just answered has to leave within hours."""

CHANNELS = {"web": 50, "app": 35, "phone": 15}
TOUCHPOINTS = {"checkout": 40, "delivery": 35, "support": 25}
SURVEYS: dict[Survey, int] = {"nps": 45, "csat": 35, "ces": 20}
SPREAD: dict[Survey, tuple[int, int, float]] = {"nps": (0, 10, 2.5), "csat": (1, 5, 1.2), "ces": (1, 5, 1.2)}
"""Lowest and highest score and standard deviation. A CES score is an effort, so low is good."""
MEAN_SATISFACTION = {"web": 0.82, "app": 0.78, "phone": 0.66}
"""Mean satisfaction by channel, from 0 (worst) to 1."""
PRAISE = ("speed", "design", "price", "friendly")
BLAME = ("slow", "crash", "price", "waiting")


class TimedEvent(NamedTuple):
    """An event of the story: time in ms since the epoch, CloudEvents ID and data."""

    time: int
    id: str
    data: Data


class Visit(NamedTuple):
    """A visit after which the customer is offered a survey."""

    time: int
    feedback_id: str
    customer: str | None
    survey: Survey
    channel: str
    touchpoint: str
    bad: bool


class Story:
    """Visits and their events from a seeded random generator. Every ID begins with `name`."""

    def __init__(self, seed: int = 1, name: str = "demo") -> None:
        self._name = name
        self._random = Random(seed)
        self._visits = 0

    def history(self, now: int, visits: int = 4_000) -> list[TimedEvent]:
        """Return the events of the 29 days up to `now` (ms), sorted by time.

        Recent visits are more likely, so that short windows have answers.
        """
        ages = sorted((int(HISTORY * self._random.random() ** 2) for _ in range(visits)), reverse=True)
        events = [
            event
            for age in ages
            for event in self._events_of(
                self._visit(now - age, bad=age < BAD_FOR, anonymous=age < ANONYMOUS_FOR)
            )
        ]
        return sorted((event for event in events if event.time <= now), key=lambda event: event.time)

    def visit(self, now: int) -> list[TimedEvent]:
        """Return the events of a visit, all with the time `now` (ms)."""
        return [event._replace(time=now) for event in self._events_of(self._visit(now, bad=True))]

    def _visit(self, time: int, *, bad: bool, anonymous: bool = False) -> Visit:
        self._visits += 1
        channel, touchpoint, survey = self._pick(CHANNELS), self._pick(TOUCHPOINTS), self._pick(SURVEYS)
        customer = f"customer-{self._random.randrange(800)}"
        is_bad = bad and (channel, touchpoint) == ("app", "checkout")
        named = None if anonymous else customer
        return Visit(time, f"{self._name}-{self._visits}", named, survey, channel, touchpoint, is_bad)

    def _events_of(self, visit: Visit) -> Iterator[TimedEvent]:
        """Yield an offer and often an answer. A few answers are edited or deleted."""
        offered = FeedbackOffered(
            feedback_id=visit.feedback_id,
            survey=visit.survey,
            customer_id=visit.customer,
            channel=visit.channel,
            touchpoint=visit.touchpoint,
        )
        yield TimedEvent(visit.time, f"{visit.feedback_id}-offered", offered)
        if self._random.random() < 0.4:
            return
        answered_at = visit.time + self._random.randint(10 * SECOND, 5 * MINUTE)
        for revision in range(1 + (self._random.random() < 0.03)):
            score = None if self._random.random() < 0.1 else self._score(visit)
            submitted = FeedbackSubmitted(
                feedback_id=visit.feedback_id,
                survey=visit.survey,
                score=score,
                revision=revision,
                reasons=() if score is None else self._reasons(visit),
                customer_id=visit.customer,
                channel=visit.channel,
                touchpoint=visit.touchpoint,
            )
            yield TimedEvent(
                answered_at + revision * MINUTE, f"{visit.feedback_id}-answer-{revision}", submitted
            )
        if self._random.random() < 0.01:
            deleted = FeedbackDeleted(feedback_id=visit.feedback_id, customer_id=visit.customer)
            yield TimedEvent(answered_at + 2 * MINUTE, f"{visit.feedback_id}-deleted", deleted)

    def _score(self, visit: Visit) -> int:
        low, high, deviation = SPREAD[visit.survey]
        mood = 0.25 if visit.bad else MEAN_SATISFACTION[visit.channel]
        position = 1 - mood if visit.survey == "ces" else mood
        drawn = round(self._random.gauss(low + position * (high - low), deviation))
        return min(max(drawn, low), high)

    def _reasons(self, visit: Visit) -> tuple[str, ...]:
        return tuple(self._random.sample(BLAME if visit.bad else PRAISE, k=self._random.randrange(3)))

    def _pick(self, weighted: dict[T, int]) -> T:
        return self._random.choices(list(weighted), list(weighted.values()))[0]
