"""A made-up company by the hour: busy afternoons, quiet nights and week-ends, segments from large to tiny."""

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
"""The first day, after the base was loaded."""
A_DAY = {"churn": 50, "notice": 40, "ticket": 400, "offer": 800, "call": 300}
NEAR = 40 * MINUTE
SPIKES = ("churn", "notice", "late", "nps")


class Spike(NamedTuple):
    """Something that goes wrong in the app at a moment."""

    kind: str
    at: int


class Traffic:
    """All events of a seed, quiet but for the spikes; `events` are sorted by when they are known."""

    def __init__(self, seed: int, days: int, spikes: list[Spike]) -> None:
        self._chance = Random(seed)
        self._spikes = spikes
        self._n = 0
        self._people = [(f"c{n}", self._pick(CHANNELS)) for n in range(CUSTOMERS)]
        made = [*self._base(), *self._days(days)]
        for spike in spikes:
            made += getattr(self, f"_spike_{spike.kind}")(spike.at)
        self.events = sorted(made, key=lambda event: (event.stamp, event.id))

    def _base(self) -> Iterator[Event]:
        for who, channel in self._people:
            yield self._event(CustomerActivated(customer_id=who, channel=channel), BEGIN - 40 * DAY)
        self._chance.shuffle(self._people)

    def _days(self, days: int) -> Iterator[Event]:
        for hour in range(days * 24):
            start = BEGIN + hour * HOUR
            busy = (1 + 0.8 * cos(2 * pi * (hour % 24 - 15) / 24)) * (0.6 if hour // 24 % 7 > 4 else 1.15)
            for kind, a_day in A_DAY.items():
                for _ in range(self._poisson(a_day / 24 * busy)):
                    yield from getattr(self, f"_{kind}")(start + self._chance.randrange(HOUR))

    def _churn(self, at: int, who: str | None = None) -> Iterator[Event]:
        reason = self._chance.choice(("price", "moved", "other"))
        yield self._event(CustomerChurned(customer_id=who or self._people.pop()[0], reason=reason), at)

    def _notice(self, at: int, who: str | None = None) -> Iterator[Event]:
        leaving = who or self._people.pop()[0]
        ends = at + self._chance.randint(7, 28) * DAY
        yield self._event(CancelScheduled(customer_id=leaving, effective_at=from_ms(ends)), at)
        yield from self._churn(ends, leaving)

    def _ticket(self, at: int, channel: str = "", wait: int = 0) -> Iterator[Event]:
        self._n += 1
        ticket, who = f"t{self._n}", self._anyone()
        channel = channel or self._pick(CHANNELS)
        took = wait or int(self._chance.lognormvariate(0, 0.8) * 15 * MINUTE)
        solved = at + took + int(self._chance.expovariate(1 / (3 * HOUR)))
        made = TicketCreated(
            ticket_id=ticket, customer_id=who, channel=channel, touchpoint=self._pick(TOUCHPOINTS)
        )
        yield self._event(made, at)
        yield self._event(
            TicketMessage(ticket_id=ticket, message_id="m", author="agent", customer_id=who), at + took
        )
        yield self._event(
            TicketStatus(ticket_id=ticket, status="solved", by="agent", customer_id=who), solved
        )
        if self._chance.random() < 0.05:
            again = solved + int(self._chance.expovariate(1 / DAY))
            opened = TicketStatus(ticket_id=ticket, status="open", customer_id=who)
            yield self._event(opened, again)
            message = TicketMessage(ticket_id=ticket, message_id="n", author="agent", customer_id=who)
            yield self._event(message, again + took)
            closed = TicketStatus(ticket_id=ticket, status="solved", by="agent", customer_id=who)
            yield self._event(closed, again + took + HOUR)

    def _offer(self, at: int) -> Iterator[Event]:
        self._n += 1
        survey = self._chance.choice(("nps", "csat"))
        channel, touchpoint, who = self._pick(CHANNELS), self._pick(TOUCHPOINTS), self._anyone()
        where = {"customer_id": who, "channel": channel, "touchpoint": touchpoint}
        yield self._event(FeedbackOffered(feedback_id=f"f{self._n}", survey=survey, **where), at)
        if self._chance.random() < 0.4:
            answered = at + int(self._chance.expovariate(1 / (4 * HOUR)))
            answer = FeedbackSubmitted(
                feedback_id=f"f{self._n}", survey=survey, score=self._score(survey, answered), **where
            )
            yield self._event(answer, answered)

    def _score(self, survey: str, at: int) -> int:
        if survey == "csat":
            return self._chance.choices((1, 2, 3, 4, 5), (5, 5, 12, 40, 38))[0]
        bad = any(spike.kind == "nps" and spike.at <= at < spike.at + 12 * HOUR for spike in self._spikes)
        return self._chance.choices((3, 7, 10), (70, 20, 10) if bad else (18, 30, 52))[0]

    def _call(self, at: int) -> Iterator[Event]:
        self._n += 1
        talk = round(self._chance.lognormvariate(5.3, 0.8), 3)
        call = InteractionHandled(
            interaction_id=f"i{self._n}",
            talk_s=talk,
            hold_s=self._chance.randrange(60),
            wrap_s=self._chance.randrange(20, 120),
            channel=self._chance.choice(("phone", "app")),
            customer_id=self._anyone(),
        )
        yield self._event(call, at)

    def _spike_churn(self, at: int) -> Iterator[Event]:
        """Thirty customers of the app leave within ten minutes."""
        for who in self._of_app(30):
            yield from self._churn(at + self._chance.randrange(10 * MINUTE), who)

    def _spike_notice(self, at: int) -> Iterator[Event]:
        """Thirty of them give notice."""
        for who in self._of_app(30):
            yield from self._notice(at + self._chance.randrange(10 * MINUTE), who)

    def _spike_late(self, at: int) -> Iterator[Event]:
        """Forty tickets of the app are answered within ten minutes, each after 61 minutes or more."""
        for _ in range(40):
            wait = self._chance.randint(61, 75) * MINUTE
            yield from self._ticket(at + self._chance.randrange(10 * MINUTE) - wait, "app", wait)

    def _spike_nps(self, _: int) -> Iterator[Event]:
        """For twelve hours seven of ten answers are bad; see `_score`."""
        yield from ()

    def _of_app(self, n: int) -> list[str]:
        chosen = [person for person in self._people if person[1] == "app"][:n]
        for person_key in chosen:
            self._people.remove(person_key)
        return [who for who, _ in chosen]

    def _anyone(self) -> str:
        return self._chance.choice(self._people)[0]

    def _event(self, data: Data, at: int) -> Event:
        self._n += 1
        return Event(data, at, at, f"e{self._n:08}")

    def _pick(self, weighted: dict[str, int]) -> str:
        return self._chance.choices(list(weighted), list(weighted.values()))[0]

    def _poisson(self, mean: float) -> int:
        n, left = 0, self._chance.random()
        part = exp(-mean)
        while left > part:
            left -= part
            n += 1
            part *= mean / n
            if part < 1e-300:
                break
        return n


def grid(begin: int, end: int, spikes: list[Spike]) -> Iterator[int]:
    """When to look: every five minutes, and each quarter of a minute after a spike began."""
    at = begin
    while at < end:
        yield at
        near = any(spike.at <= at < spike.at + NEAR for spike in spikes)
        at += 15 * SECOND if near else 5 * MINUTE


def rota(begin: int, each: int) -> list[Spike]:
    """Every kind of spike so many times, thirteen hours apart, so that each comes at several times of the day."""
    return [Spike(SPIKES[n % 4], begin + n * 13 * HOUR) for n in range(4 * each)]
