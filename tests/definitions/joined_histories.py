"""Seeded histories of few customers, with answers, tickets and money that meet at few moments."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

from tests.definitions.joined_builder import EventBuilder
from tests.definitions.joined_events import JoinedEvent, time_text
from tests.definitions.joined_reading import JoinedSettings
from tests.definitions.settings import DAY, HOUR, MINUTE, SECOND, WINDOWS, Settings, Target

NOWS = (1_790_000_000_000, 1_793_000_040_000, 1_780_358_400_000, 1_783_000_759_999)
"""Four times of 2026: in a minute, later in a minute, at midnight, and 1 ms before a minute."""
PEOPLE = ("c", "c1", "\U0001f600")
TICKETS = ("c", "t", "\uffff", "0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b", "t" * 256)
"""IDs of tickets, one of which is that of a customer, too."""
ANSWERS = (
    *("f", "f1", "c", "\uffff", "\U0001f600", "0c", "0B", "g" * 255 + "1", "g" * 255 + "2"),
    *(
        "0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b",
        "0B5D7E9A-8F4C-4F6E-9A3B-2C1D0E9F8A7B",
        "0b5d7e9a8f4c4f6e9a3b2c1d0e9f8a7b",
    ),
    *("fb5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b", " f"),
)
"""IDs of answers, whose order by code points decides between those of one moment."""
MAX_ANSWERS = len(ANSWERS)
"""Fewer than the 16 counting answers of a customer that are known one by one, whoever they move to."""
NEAR = (0, 0, 1, -1, MINUTE, HOUR, -HOUR, DAY)
EXIT_ENDS = (-30 * DAY - 1, -30 * DAY, -30 * DAY + 1, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1)
"""Distances of events in ms. The second are about the ends of the period in which an exit answer belongs to a churn."""


def joined_settings(random: Random) -> JoinedSettings:
    """Return settings with targets and a margin, sometimes with a window that lets answers be 60 d old."""
    targets = {"chat": Target(random.choice((30 * SECOND, 2 * DAY)))} if random.random() < 0.5 else {}
    tickets = Settings(targets, default_target=Target(random.choice((5 * MINUTE, HOUR))))
    windows = WINDOWS | ({"60d": 60 * DAY} if random.random() < 0.5 else {})
    return JoinedSettings(tickets, dict(windows), random.choice((Fraction(1), Fraction(1, 4))))


def joined_history(random: Random, now: int, settings: JoinedSettings) -> list[JoinedEvent]:
    """Return events of all topics in a random order. No two differ in content under one natural key."""
    return _JoinedHistory(random, now, settings).events


def with_joined_erasures(random: Random, events: list[JoinedEvent], now: int) -> list[JoinedEvent]:
    """Return a history with erasures in between."""
    out = list(events)
    for n in range(random.randrange(1, 4)):
        at = random.choice((*(event.at for event in events), now))
        erasure = JoinedEvent("erased", at, now, f"x{n}", {"customer_id": random.choice(PEOPLE[:2])})
        out.insert(random.randrange(len(out) + 1), erasure)
    return out


class _JoinedHistory(EventBuilder):
    def __init__(self, random: Random, now: int, settings: JoinedSettings) -> None:
        super().__init__(random, PEOPLE[: random.choice((1, 1, 2, 3))])
        self.now = now
        self.max_age = max(settings.windows.values())
        self.moments = self._moments(settings)
        self.churns: list[int] = []
        self.tickets = {ticket: random.choice(self.people) for ticket in TICKETS[: random.randrange(6)]}
        for customer in self.people:
            random.choice((self._add_life, self._add_alternating_life))(customer)
            self._add_money(customer)
        for ticket, customer in self.tickets.items():
            random.choice((self._add_soup, self._add_conversation, self._add_conversation))(ticket, customer)
        for name in random.sample(ANSWERS, random.choice((3, 9, MAX_ANSWERS))):
            self._add_answer(name)
        self._redeliver()
        random.shuffle(self.events)

    def _moments(self, settings: JoinedSettings) -> list[int]:
        """Return few times that events share, among them the bounds of windows."""
        random = self.random
        anchor = self.now - random.randrange(self.max_age)
        edge = self.now // HOUR * HOUR + HOUR - random.choice(list(settings.windows.values()))
        offsets = random.choice((NEAR, EXIT_ENDS, (*NEAR, *EXIT_ENDS)))
        pool = [anchor + random.choice(offsets) for _ in range(5)]
        pool += [anchor, edge, edge - 1, edge + 1, self.now, self.now - random.randrange(10 * MINUTE)]
        pool = [at for at in pool if self.now - self.max_age <= at <= self.now]
        return random.sample(pool, random.randrange(1, len(pool) + 1))

    def _any_moment(self) -> int:
        if self.random.random() < 0.85:
            return self.random.choice(self.moments)
        return self.now - self.random.randrange(self.max_age)

    def _old_moment(self) -> int:
        """Return a moment that may be older than any answer."""
        return self._any_moment() - self.random.choice((0, 0, 0, 1, DAY, 50 * DAY))

    def _add(self, kind: str, at: int, **data: Any) -> None:
        self.add(kind, at, self._stamp(at), **data)

    def _stamp(self, at: int) -> int:
        """Return the timestamp of a record. None is so old that anything is forgotten at `now`."""
        return self.random.choice((self.now, max(at, self.now - 30 * DAY)))

    def _add_life(self, customer: str) -> None:
        random = self.random
        kinds = ("activated", "activated", "churned", "churned", "changed", "notice", "no_notice")
        for kind in random.choices(kinds, k=random.randrange(9)):
            data: dict[str, Any] = {"customer_id": customer}
            if kind in ("activated", "changed"):
                data |= self.dimensions("channel", "team", "plan")
                if random.random() < 0.4:
                    data["margin_rate"] = random.choice((0, 0.25, 0.3333, 1, None))
            elif kind == "notice":
                data["effective_at"] = time_text(self.now)
            self._add(kind, self._old_moment(), **data)

    def _add_alternating_life(self, customer: str) -> None:
        """Add lives one after the other, with the churns known to exit answers."""
        moments = sorted(self._old_moment() for _ in range(self.random.randrange(1, 7)))
        for n, at in enumerate(moments):
            if n % 2 == 0:
                data = self.dimensions("channel", "team", "plan")
                self._add("activated", at, customer_id=customer, **data)
            else:
                self._add("churned", at, customer_id=customer, voluntary=at % 3 > 0)
                self.churns.append(at)

    def _exit_moment(self) -> int:
        """Return a moment at an end of the period in which an exit answer belongs to a churn, if one is in time."""
        ends = [at + offset for at in self.churns for offset in EXIT_ENDS]
        ends = [at for at in ends if self.now - self.max_age <= at <= self.now]
        return self.random.choice(ends) if ends and self.random.random() < 0.3 else self._any_moment()

    def _add_money(self, customer: str) -> None:
        random = self.random
        for n in range(random.choice((0, 1, 3, 6))):
            order = {"customer_id": customer, "order_id": f"o{n}", "currency": random.choice(("EUR", "JPY"))}
            amount = random.choice((0, 500, random.randrange(100_000)))
            if random.random() < 0.8:
                self._add("bought", self._old_moment(), amount_minor=amount, **order)
            if random.random() < 0.4:
                self._add("refunded", self._old_moment(), amount_minor=amount, refund_id=f"r{n}", **order)

    def _add_soup(self, ticket: str, customer: str) -> None:
        """Add a ticket whose events share few moments, in any order."""
        random, start = self.random, self._old_moment()
        if random.random() < 0.95:
            named = random.choice((customer, customer, *self.people))
            self._add("created", start, ticket_id=ticket, customer_id=named, **self.creation())
        kinds = random.choices(list(_TICKET_KINDS), _TICKET_WEIGHTS, k=random.randrange(8))
        for n, kind in enumerate(kinds):
            at = min(
                self.now, random.choice((self._any_moment(), start + random.choice((0, 1, MINUTE, HOUR))))
            )
            if kind == "handled":
                at = max(at, self.now - 30 * DAY)
            data = _TICKET_KINDS[kind](self, n)
            self._add(kind, at, ticket_id=ticket, **data, **self.customer(0.15))

    def _add_conversation(self, ticket: str, customer: str) -> None:
        """Add a ticket that is solved and reopened, with responses near the target."""
        random, at = self.random, self._old_moment()
        self._add("created", at, ticket_id=ticket, customer_id=customer, **self.creation())
        for n in range(random.randrange(1, 4)):
            at = min(self.now, at + random.choice((1, 5 * MINUTE, 5 * MINUTE + 1, HOUR, HOUR + 1, DAY)))
            message = {
                "message_id": f"m{n}",
                "author": random.choice(("agent", "agent", "agent", "customer")),
            }
            self._add("message", at, ticket_id=ticket, **message, **self.customer(0.1))
            self._add("status", at + 1, ticket_id=ticket, status="solved", **self.customer(0.1))
            at = min(self.now, at + random.choice((1, HOUR)))
            if random.random() < 0.7:
                self._add("status", at, ticket_id=ticket, status="open", **self.customer(0.1))

    def _add_answer(self, name: str) -> None:
        """Add the events of an answer. It usually keeps its survey and its customer."""
        random = self.random
        survey = random.choice(("nps", "nps", "csat", "csat", "exit", "exit", "ces"))
        customer = self.customer(0.9)
        offered = self._any_moment()
        if random.random() < 0.3:
            named = random.choice((customer, {}, self.customer(1)))
            self._add("offered", offered, feedback_id=name, survey=survey, **named)
        for _ in range(random.choice((0, 1, 1, 1, 1, 2, 2, 3))):
            answered = survey if random.random() < 0.9 else random.choice(("nps", "csat", "exit", "ces"))
            at = self._exit_moment() if answered == "exit" else self._any_moment()
            data = self.answer(answered, at)
            named = customer if random.random() < 0.85 else self.customer(0.7)
            if answered == "csat" and random.random() < 0.6:
                named = {"customer_id": self.tickets.get(data.get("ticket_id", ""))}
            self._add("submitted", at, feedback_id=name, **data, **named)
        if random.random() < 0.08:
            self._add("withdrawn_answer", self._any_moment(), feedback_id=name, **self.customer(0.3))

    def _redeliver(self) -> None:
        """Add copies of events under new IDs, answers at another time, too."""
        for event in self.random.sample(self.events, self.random.randrange(len(self.events) + 1)):
            if self.random.random() < 0.3:
                # A copy's ID sorts just after that of the event: which one is read first cannot matter.
                copy = event._replace(id=event.id + "+", stamp=self._stamp(event.at))
                if event.kind == "submitted" and self.random.random() < 0.3:
                    at = self._any_moment()
                    copy = copy._replace(at=at, stamp=self._stamp(at))
                self.events.append(copy)


_TICKET_KINDS: dict[str, Callable[[_JoinedHistory, int], dict[str, Any]]] = {
    "message": lambda history, n: {
        "message_id": f"m{n}",
        "author": history.random.choice(("agent", "agent", "customer", "bot")),
        "public": history.random.random() < 0.9,
    },
    "status": lambda history, _: {
        "status": history.random.choice(("open", "pending", "solved", "solved", "closed"))
    },
    "updated": lambda history, _: history.dimensions("channel", "team", "topic"),
    "handled": lambda history, n: {
        "interaction_id": f"i{n}",
        "talk_s": history.random.choice((0, 60, 3600)),
        "hold_s": 0,
        "wrap_s": 0,
        "outcome": history.random.choice(("handled", "handled", "abandoned")),
    },
    "merged": lambda *_: {"into": "other"},
    "deleted": lambda *_: {},
}
_TICKET_WEIGHTS = (8, 5, 4, 3, 0.4, 0.3)
