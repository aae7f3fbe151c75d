"""Seeded histories of half a year that are read as they happen, so that old events, lives and purchases are forgotten on the way.

Whatever is corrected is so new that it is known one by one. Answers and tickets change within 15 d. There are at most 13
answers in any 23 d, and hardly 100 purchases in 18 d.
"""

from itertools import count
from random import Random
from typing import Any

from tests.definitions.joined_builder import EventBuilder
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.settings import DAY, HOUR, MINUTE

SPAN = 220 * DAY
PHASE = 75 * DAY
ANSWER_SPACING = round(1.8 * DAY)
CORRECTED_FOR = 15 * DAY
"""How long after its beginning an answer or a ticket changes."""
MAX_DELAY = 2 * DAY
"""How late a record is at most."""
GRIDS = (1, 1, 6 * HOUR)
"""Times are sometimes cut to these, so that events meet."""


def long_history(random: Random, end: int) -> list[JoinedEvent]:
    """Return events of `SPAN` before `end`, in the order of their records."""
    return sorted(_LongHistory(random, end).events, key=lambda event: event.stamp)


class _LongHistory(EventBuilder):
    def __init__(self, random: Random, end: int) -> None:
        super().__init__(random, ("c1", "c2", "c3")[: random.choice((1, 2, 3))])
        self.begin, self.end = end - SPAN, end
        self.numbers = count()
        self.surveys = random.choices(("nps", "csat", "exit", None, None), k=SPAN // PHASE + 1)
        """The only survey of each phase, None for all of them."""
        for customer in self.people:
            random.choice((self._add_lives, self._add_flapping, self._add_nightly))(customer)
            self._add_money(customer, random.choice((0.2, 2, 9)) * DAY)
        self.ticket_spacing = random.choice((4, 11)) * DAY
        for n, at in enumerate(range(self.begin, self.end, self.ticket_spacing)):
            self._add_ticket(f"t{n}", at)
        for n, at in enumerate(range(self.begin, self.end, ANSWER_SPACING)):
            self._add_answer(f"f{n}", at)

    def _add(self, kind: str, at: float, **data: Any) -> None:
        """Add an event that is read at once or late."""
        time = round(at) // (grid := self.random.choice(GRIDS)) * grid
        if self.begin <= time <= self.end:
            delay = self.random.choice((0, 0, 0, MINUTE, HOUR, MAX_DELAY))
            self.add(kind, time, min(time + delay, self.end), **data)

    def _later(self, at: float, *means: float) -> float:
        """Return a later time. `means` are in days, one of which is chosen."""
        return at + self.random.expovariate(1) * self.random.choice(means) * DAY

    def _activate(self, at: float, customer: str) -> None:
        data = self.dimensions("channel", "team", "plan")
        if self.random.random() < 0.3:
            data["margin_rate"] = self.random.choice((0.25, 0.5))
        self._add("activated", at, customer_id=customer, **data)

    def _add_lives(self, customer: str) -> None:
        """Add few lives, with updates, switches of plan and returns."""
        at = self._later(self.begin, 0.1, 60)
        while at < self.end:
            self._activate(at, customer)
            at = self._later(at, 0.5, 10, 120)
            kind = self.random.choice(("churned", "churned", "changed", "switch"))
            if kind == "changed":
                self._add(kind, at, customer_id=customer, **self.dimensions("channel", "plan"))
            else:
                self._add("churned", at, customer_id=customer, voluntary=at % 3 > 0)
            if kind != "switch":
                at = self._later(at, 0.1, 5, 50)

    def _add_flapping(self, customer: str) -> None:
        """Add more lives of the last 40 d than are kept one by one."""
        at = self.end - 40 * DAY
        while at < self.end:
            self._activate(at, customer)
            at += self.random.uniform(0.11, 0.125) * DAY
            self._add("churned", at, customer_id=customer, voluntary=at % 3 > 0)
            at += self.random.uniform(0.11, 0.125) * DAY

    def _add_nightly(self, customer: str) -> None:
        """Add activations of every night, as some sources send them, and few churns."""
        for at in range(self.begin, self.end, DAY):
            self._activate(at, customer)
            if self.random.random() < 0.03:
                self._add("churned", at + self.random.randrange(DAY), customer_id=customer)

    def _add_money(self, customer: str, spacing: float) -> None:
        random, at = self.random, float(self.begin)
        while (at := at + random.uniform(0.5, 1.5) * spacing) < self.end:
            order = {"order_id": f"o{next(self.numbers)}", "currency": random.choice(("EUR", "EUR", "JPY"))}
            paid = {"customer_id": customer, "amount_minor": random.randrange(10_000), **order}
            self._add("bought", at, **paid)
            if random.random() < 0.2:
                self._add("refunded", self._later(at, 1, 10), refund_id=f"r{next(self.numbers)}", **paid)

    def _add_ticket(self, ticket: str, begin: int) -> None:
        """Add a ticket that changes for a while, and is then left as it is."""
        random, customer = self.random, self.random.choice(self.people)
        self.tickets[ticket] = customer
        self._add("created", begin, ticket_id=ticket, customer_id=customer, **self.creation())
        at: float = begin
        for n in range(random.randrange(7)):
            at = min(self._later(at, 0.02, 0.5, 3), begin + CORRECTED_FOR)
            kind = random.choice(("message", "message", "solved", "open", "updated", "moved", "gone"))
            naming = {} if random.random() < 0.9 else self.customer(1)
            if kind == "message":
                author = random.choice(("agent", "customer"))
                self._add(kind, at, ticket_id=ticket, message_id=f"m{n}", author=author, **naming)
            elif kind in ("solved", "open"):
                self._add("status", at, ticket_id=ticket, status=kind, **naming)
            elif kind == "updated":
                self._add(kind, at, ticket_id=ticket, **self.dimensions("channel", "topic"), **naming)
            elif kind == "moved" and random.random() < 0.3:
                self._add("updated", at, ticket_id=ticket, **self.customer(1))
            elif kind == "gone" and random.random() < 0.2:
                self._add("deleted", at, ticket_id=ticket)

    def _add_answer(self, name: str, begin: int) -> None:
        """Add an answer that is edited for a while, of a customer or about a ticket."""
        random = self.random
        phase = (begin - self.begin) // PHASE
        survey = self.surveys[phase] or random.choice(("nps", "nps", "csat", "csat", "exit"))
        recent = list(self.tickets)[: (begin - self.begin) // self.ticket_spacing + 1][-2:]
        ticket = random.choice(recent)
        customer = self.tickets[ticket] if survey == "csat" else random.choice(self.people)
        at: float = begin
        for n in range(random.choice((1, 1, 1, 2, 3))):
            data = self.answer(survey, round(at)) | ({"ticket_id": ticket} if survey == "csat" else {})
            naming = {"customer_id": customer} if random.random() < 0.9 else self.customer(0.6)
            self._add("submitted", at, feedback_id=name, **(data | {"revision": n}), **naming)
            at = min(self._later(at, 0.02, 1, 5), begin + CORRECTED_FOR)
        if random.random() < 0.1:
            self._add("withdrawn_answer", at, feedback_id=name)
