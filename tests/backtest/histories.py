"""Events of a few weeks, encoded as a file would be read, and their backtest."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus
from schemas.topics import topics_of
from stream.backtest.report import BacktestReport, report
from stream.backtest.run import Backtest, CpuSeconds
from stream.backtest.sorting import EncodedEvent, SortedEvents
from stream.config import load
from tests.support import DAY, HOUR, MINUTE, Event

MONDAY = 1_767_571_200_000
"""2026-01-05T00:00:00Z."""
CHANNELS = ("web", "app", "phone")
LATEST = MONDAY + 400 * DAY
ANSWERS_MAPPING = """
source = "/shop"
[[event]]
type = "cx.feedback.submitted.v1"
id = "{id}"
time = "{at}"
[event.data]
feedback_id = "{id}"
survey = "nps"
score = { path = "score", type = "int" }
channel = "{channel}"
"""


def encoded(events: Iterable[Event]) -> Iterator[EncodedEvent]:
    """Yield events as they are sorted."""
    for event in events:
        for topic in topics_of(type(event.data)):
            yield EncodedEvent(event.at, topic.domain, event.value())  # type: ignore[arg-type]


def event(data: Any, at: int) -> Event:
    return Event(data, at, at, f"{at}/{data}"[:200])


def backtest(
    events: Iterable[Event], thresholds: dict[str, float] | None = None, **env: str
) -> BacktestReport:
    """Return the report of a backtest with the settings of environment variables."""
    settings = load(None, env)
    with SortedEvents() as ordered:
        for item in encoded(events):
            ordered.add(item)
        result = Backtest(settings, thresholds or {}, LATEST, CpuSeconds()).run(ordered)
    return report(result, settings.metrics.views)


def leavers(days: int, spike_at: int | None = None) -> Iterator[Event]:
    """Yield customers of whom four a day leave, and from a time on thirty of the app within ten minutes.

    One failed payment tells that the others decided to leave.
    """
    choose = random.Random(7)
    for number in range(600):
        yield event(
            CustomerActivated(customer_id=f"c{number}", channel=CHANNELS[number % 3]),
            MONDAY - 90 * DAY + number,
        )
    yield event(CustomerActivated(customer_id="unpaid", channel="web"), MONDAY - DAY)
    yield event(CustomerChurned(customer_id="unpaid", voluntary=False), MONDAY)
    leaving = list(range(600))
    choose.shuffle(leaving)
    for day in range(days):
        for _ in range(choose.choice((3, 4, 5))):
            at = MONDAY + day * DAY + choose.randrange(DAY)
            yield event(CustomerChurned(customer_id=f"c{leaving.pop()}", voluntary=True), at)
    if spike_at is not None:
        of_app = [number for number in leaving if CHANNELS[number % 3] == "app"]
        for position, number in enumerate(of_app[:30]):
            at = spike_at + position * 20_000
            yield event(CustomerChurned(customer_id=f"c{number}", voluntary=True), at)


def answers(days: int, bad_from: int = 1 << 60, a_day: int = 60) -> Iterator[Event]:
    """Yield NPS answers, of which those of the app are bad from a time on."""
    choose = random.Random(3)
    for number in range(days * a_day):
        at = MONDAY + number * DAY // a_day + choose.randrange(HOUR // 4)
        channel = CHANNELS[number % 3]
        scores = (0, 2, 3, 6) if channel == "app" and at >= bad_from else (10, 9, 9, 8, 10, 6)
        data = FeedbackSubmitted(
            feedback_id=f"f{number}", survey="nps", score=choose.choice(scores), channel=channel
        )
        yield event(data, at)


def conversations(days: int) -> Iterator[Event]:
    """Yield tickets that are answered within ten to fifty minutes and solved."""
    choose = random.Random(5)
    for number in range(days * 24):
        at = MONDAY + number * HOUR + choose.randrange(30 * MINUTE)
        ticket, channel = f"t{number}", CHANNELS[number % 3]
        yield event(TicketCreated(ticket_id=ticket, channel=channel), at)
        reply = at + choose.randrange(10 * MINUTE, 50 * MINUTE)
        yield event(TicketMessage(ticket_id=ticket, message_id="m", author="agent"), reply)
        yield event(TicketStatus(ticket_id=ticket, status="solved", by="agent"), reply + HOUR)
