"""A simulated company by the hour: busy afternoons, quiet nights and week-ends, large and tiny segments."""

from collections.abc import Iterator
from math import cos, exp, pi
from random import Random
from typing import NamedTuple

from schemas.customers import CancelScheduled, CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackOffered, FeedbackSubmitted
from schemas.fields import Data
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from schemas.times import from_ms
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND, Event

CHANNELS = {"web": 60, "app": 30, "phone": 9, "fax": 1}
TOUCHPOINTS = {"checkout": 50, "delivery": 45, "returns": 5}
CUSTOMERS = 20_000
BEGIN = NOW // DAY * DAY
"""The first day, after the customers were loaded."""
EVENTS_PER_DAY = {"churn": 50, "notice": 40, "ticket": 400, "offer": 800, "call": 300}
NEAR = 40 * MINUTE
SPIKES = ("churn", "notice", "late", "nps")


class Spike(NamedTuple):
    """An incident in the app at a moment."""

    kind: str
    at: int


class Traffic:
    """All events of a seed with the spikes, sorted by record timestamp."""

    def __init__(self, seed: int, days: int, spikes: list[Spike]) -> None:
        self._random = Random(seed)
        self._spikes = spikes
        self._n = 0
        self._customers = [(f"c{n}", self._pick(CHANNELS)) for n in range(CUSTOMERS)]
        events = [*self._base(), *self._days(days)]
        for spike in spikes:
            events += getattr(self, f"_spike_{spike.kind}")(spike.at)
        self.events = sorted(events, key=lambda event: (event.stamp, event.id))

    def _base(self) -> Iterator[Event]:
        for customer_id, channel in self._customers:
            yield self._event(CustomerActivated(customer_id=customer_id, channel=channel), BEGIN - 40 * DAY)
        self._random.shuffle(self._customers)

    def _days(self, days: int) -> Iterator[Event]:
        for hour in range(days * 24):
            start = BEGIN + hour * HOUR
            activity = (1 + 0.8 * cos(2 * pi * (hour % 24 - 15) / 24)) * (0.6 if hour // 24 % 7 > 4 else 1.15)
            for kind, events_per_day in EVENTS_PER_DAY.items():
                for _ in range(self._poisson(events_per_day / 24 * activity)):
                    yield from getattr(self, f"_{kind}")(start + self._random.randrange(HOUR))

    def _churn(self, at: int, customer_id: str | None = None) -> Iterator[Event]:
        reason = self._random.choice(("price", "moved", "other"))
        yield self._event(
            CustomerChurned(customer_id=customer_id or self._customers.pop()[0], reason=reason), at
        )

    def _notice(self, at: int, customer_id: str | None = None) -> Iterator[Event]:
        leaving = customer_id or self._customers.pop()[0]
        ends = at + self._random.randint(7, 28) * DAY
        yield self._event(CancelScheduled(customer_id=leaving, effective_at=from_ms(ends)), at)
        yield from self._churn(ends, leaving)

    def _ticket(self, at: int, channel: str = "", wait: int = 0) -> Iterator[Event]:
        self._n += 1
        ticket, customer_id = f"t{self._n}", self.random_customer()
        channel = channel or self._pick(CHANNELS)
        reply_delay = wait or int(self._random.lognormvariate(0, 0.8) * 15 * MINUTE)
        solved = at + reply_delay + int(self._random.expovariate(1 / (3 * HOUR)))
        creation = TicketCreated(
            ticket_id=ticket, customer_id=customer_id, channel=channel, touchpoint=self._pick(TOUCHPOINTS)
        )
        yield self._event(creation, at)
        yield self._event(
            TicketMessage(ticket_id=ticket, message_id="m", author="agent", customer_id=customer_id),
            at + reply_delay,
        )
        yield self._event(
            TicketStatus(ticket_id=ticket, status="solved", by="agent", customer_id=customer_id), solved
        )
        if self._random.random() < 0.05:
            reopened_at = solved + int(self._random.expovariate(1 / DAY))
            opened = TicketStatus(ticket_id=ticket, status="open", customer_id=customer_id)
            yield self._event(opened, reopened_at)
            message = TicketMessage(ticket_id=ticket, message_id="n", author="agent", customer_id=customer_id)
            yield self._event(message, reopened_at + reply_delay)
            closed = TicketStatus(ticket_id=ticket, status="solved", by="agent", customer_id=customer_id)
            yield self._event(closed, reopened_at + reply_delay + HOUR)

    def _offer(self, at: int) -> Iterator[Event]:
        self._n += 1
        survey = self._random.choice(("nps", "csat"))
        channel, touchpoint, customer_id = (
            self._pick(CHANNELS),
            self._pick(TOUCHPOINTS),
            self.random_customer(),
        )
        dimensions = {"customer_id": customer_id, "channel": channel, "touchpoint": touchpoint}
        yield self._event(FeedbackOffered(feedback_id=f"f{self._n}", survey=survey, **dimensions), at)
        if self._random.random() < 0.4:
            answered = at + int(self._random.expovariate(1 / (4 * HOUR)))
            answer = FeedbackSubmitted(
                feedback_id=f"f{self._n}", survey=survey, score=self._score(survey, answered), **dimensions
            )
            yield self._event(answer, answered)

    def _score(self, survey: str, at: int) -> int:
        if survey == "csat":
            return self._random.choices((1, 2, 3, 4, 5), (5, 5, 12, 40, 38))[0]
        is_spike = any(
            spike.kind == "nps" and spike.at <= at < spike.at + 12 * HOUR for spike in self._spikes
        )
        return self._random.choices((3, 7, 10), (70, 20, 10) if is_spike else (18, 30, 52))[0]

    def _call(self, at: int) -> Iterator[Event]:
        self._n += 1
        talk = round(self._random.lognormvariate(5.3, 0.8), 3)
        call = InteractionHandled(
            interaction_id=f"i{self._n}",
            talk_s=talk,
            hold_s=self._random.randrange(60),
            wrap_s=self._random.randrange(20, 120),
            channel=self._random.choice(("phone", "app")),
            customer_id=self.random_customer(),
        )
        yield self._event(call, at)

    def _spike_churn(self, at: int) -> Iterator[Event]:
        """Thirty customers of the app churn within ten minutes."""
        for customer_id in self.remove_app_customers(30):
            yield from self._churn(at + self._random.randrange(10 * MINUTE), customer_id)

    def _spike_notice(self, at: int) -> Iterator[Event]:
        """Thirty customers of the app schedule a cancellation within ten minutes."""
        for customer_id in self.remove_app_customers(30):
            yield from self._notice(at + self._random.randrange(10 * MINUTE), customer_id)

    def _spike_late(self, at: int) -> Iterator[Event]:
        """Forty tickets of the app are answered within ten minutes, each after 61 minutes or more."""
        for _ in range(40):
            wait = self._random.randint(61, 75) * MINUTE
            yield from self._ticket(at + self._random.randrange(10 * MINUTE) - wait, "app", wait)

    def _spike_nps(self, _: int) -> Iterator[Event]:
        """Seven of ten answers are bad for twelve hours, see `_score`."""
        yield from ()

    def remove_app_customers(self, n: int) -> list[str]:
        customers_chosen = [customer for customer in self._customers if customer[1] == "app"][:n]
        for customer in customers_chosen:
            self._customers.remove(customer)
        return [customer_id for customer_id, _ in customers_chosen]

    def random_customer(self) -> str:
        return self._random.choice(self._customers)[0]

    def _event(self, data: Data, at: int) -> Event:
        self._n += 1
        return Event(data, at, at, f"e{self._n:08}")

    def _pick(self, weighted: dict[str, int]) -> str:
        return self._random.choices(list(weighted), list(weighted.values()))[0]

    def _poisson(self, mean: float) -> int:
        n, remaining = 0, self._random.random()
        part = exp(-mean)
        while remaining > part:
            remaining -= part
            n += 1
            part *= mean / n
            if part < 1e-300:
                break
        return n


def read_times(begin: int, end: int, spikes: list[Spike]) -> Iterator[int]:
    """Yield the times to read the exporter: every five minutes, and every 15 s after a spike."""
    at = begin
    while at < end:
        yield at
        near = any(spike.at <= at < spike.at + NEAR for spike in spikes)
        at += 15 * SECOND if near else 5 * MINUTE


def spike_schedule(begin: int, spikes_per_kind: int) -> list[Spike]:
    """Return every kind of spike several times, 13 hours apart, at different times of the day."""
    return [Spike(SPIKES[n % 4], begin + n * 13 * HOUR) for n in range(4 * spikes_per_kind)]
