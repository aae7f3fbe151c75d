"""Seeded histories of few customers, with answers, tickets and money that meet at few moments."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

from tests.definitions.events import natural_key as ticket_key
from tests.definitions.joined import JoinedSettings
from tests.definitions.joined_customers import natural_key as customer_key
from tests.definitions.joined_events import CUSTOMERS, FEEDBACK, JoinedEvent, ticket_events, time_text
from tests.definitions.settings import DAY, HOUR, MINUTE, SECOND, WINDOWS, Settings, Target

NOWS = (1_790_000_000_000, 1_793_000_040_000, 1_780_358_400_000, 1_783_000_759_999)
"""Four times of 2026: in a minute, later in a minute, at midnight, and 1 ms before a minute."""
PEOPLE = ("c1", "c2", "c3")
MAX_ANSWERS = 14
"""Fewer than the 16 counting answers of a customer that are known one by one, whoever they move to."""
CHANNELS, TEAMS, PLANS, TOPICS = ("chat", "web"), ("a", "b"), ("basic", "pro"), ("bill", "login")
SCALES = (None, None, (1, 5), (1, 3), (0, 3), (0, 10))
OFFSETS = (0, 0, 1, -1, MINUTE, HOUR, -HOUR, DAY, 7 * DAY, 7 * DAY + 1, 30 * DAY, 30 * DAY + 1, -30 * DAY)
"""Distances of events in ms, among them the ends of the period for exit answers."""


def joined_settings(random: Random) -> JoinedSettings:
    """Return settings with targets and a margin, sometimes with a window that lets answers be 60 d old."""
    targets = {"chat": Target(random.choice((30 * SECOND, 2 * DAY)))} if random.random() < 0.5 else {}
    tickets = Settings(targets, default_target=Target(random.choice((5 * MINUTE, HOUR))))
    windows = WINDOWS | ({"60d": 60 * DAY} if random.random() < 0.5 else {})
    return JoinedSettings(tickets, dict(windows), random.choice((Fraction(1), Fraction(1, 4))))


def joined_history(random: Random, now: int, settings: JoinedSettings) -> list[JoinedEvent]:
    """Return events of all topics in a random order. No two differ in content under one natural key."""
    return _JoinedHistory(random, now, settings).events


class _JoinedHistory:
    def __init__(self, random: Random, now: int, settings: JoinedSettings) -> None:
        self.random, self.now = random, now
        self.max_age = max(settings.windows.values())
        self.moments = self._moments(settings)
        self.events: list[JoinedEvent] = []
        self.keys: set[Any] = set()
        self.people = PEOPLE[: random.randrange(1, len(PEOPLE) + 1)]
        self.tickets = [f"t{n}" for n in range(random.randrange(5))]
        for customer in self.people:
            self._add_life(customer)
            self._add_money(customer)
        for ticket in self.tickets:
            self._add_ticket(ticket)
        for n in range(random.randrange(1, MAX_ANSWERS + 1)):
            self._add_answer(f"f{n}")
        self._redeliver()
        random.shuffle(self.events)

    def _moments(self, settings: JoinedSettings) -> list[int]:
        """Return few times that events share, among them the bounds of windows."""
        random = self.random
        anchor = self.now - random.randrange(self.max_age)
        edge = self.now // HOUR * HOUR + HOUR - random.choice(list(settings.windows.values()))
        pool = [anchor + random.choice(OFFSETS) for _ in range(5)]
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
        """Add an event unless another one has its natural key. The order of IDs is random."""
        event = JoinedEvent(kind, at, self._stamp(at), "", data)
        key = self._natural_key(event)
        if key in self.keys:
            return
        if key is not None:
            self.keys.add(key)
        self.events.append(event._replace(id=f"{self.random.randrange(100):02}-{len(self.events):04}"))

    def _natural_key(self, event: JoinedEvent) -> Any:
        event = event.without_nulls()
        if event.kind in CUSTOMERS:
            return event.data["customer_id"], customer_key(event)
        if event.kind in FEEDBACK:
            is_answer = event.kind == "submitted"
            return None if is_answer else (event.kind, event.data["feedback_id"])
        (ticket,) = ticket_events([event])
        return event.data["ticket_id"], ticket_key(ticket), event.data.get("interaction_id")

    def _stamp(self, at: int) -> int:
        """Return the timestamp of a record. None is so old that anything is forgotten at `now`."""
        return self.random.choice((self.now, max(at, self.now - 30 * DAY)))

    def _dimensions(self, *names: str) -> dict[str, Any]:
        values = {"channel": CHANNELS, "team": TEAMS, "plan": PLANS, "topic": TOPICS}
        return {
            name: self.random.choice((*values[name], None)) for name in names if self.random.random() < 0.6
        }

    def _add_life(self, customer: str) -> None:
        random = self.random
        kinds = ("activated", "activated", "churned", "churned", "changed", "notice", "no_notice")
        for kind in random.choices(kinds, k=random.randrange(9)):
            data: dict[str, Any] = {"customer_id": customer}
            if kind in ("activated", "changed"):
                data |= self._dimensions("channel", "team", "plan")
                if random.random() < 0.4:
                    data["margin_rate"] = random.choice((0, 0.25, 0.3333, 1, None))
            elif kind == "notice":
                data["effective_at"] = time_text(self.now)
            self._add(kind, self._old_moment(), **data)

    def _add_money(self, customer: str) -> None:
        random = self.random
        for n in range(random.choice((0, 1, 3, 6))):
            order = {"customer_id": customer, "order_id": f"o{n}", "currency": random.choice(("EUR", "JPY"))}
            amount = random.choice((0, 500, random.randrange(100_000)))
            if random.random() < 0.8:
                self._add("bought", self._old_moment(), amount_minor=amount, **order)
            if random.random() < 0.4:
                self._add("refunded", self._old_moment(), amount_minor=amount, refund_id=f"r{n}", **order)

    def _customer(self, probability: float) -> dict[str, Any]:
        """Return a customer or nobody. Null is as if absent."""
        if self.random.random() < probability:
            return {"customer_id": self.random.choice(self.people)}
        return self.random.choice([{}, {"customer_id": None}])

    def _add_ticket(self, ticket: str) -> None:
        random, start = self.random, self._old_moment()
        if random.random() < 0.95:
            opened_by = random.choice(("customer", "customer", "agent", "bot"))
            data = {"opened_by": opened_by, **self._dimensions("channel", "team", "topic")}
            self._add("created", start, ticket_id=ticket, **data, **self._customer(0.9))
        kinds = random.choices(list(_TICKET_KINDS), _TICKET_WEIGHTS, k=random.randrange(8))
        for n, kind in enumerate(kinds):
            at = min(
                self.now, random.choice((self._any_moment(), start + random.choice((0, 1, MINUTE, HOUR))))
            )
            if kind == "handled":
                at = max(at, self.now - 30 * DAY)
            data = _TICKET_KINDS[kind](self, n)
            self._add(kind, at, ticket_id=ticket, **data, **self._customer(0.15))

    def _add_answer(self, name: str) -> None:
        """Add the events of an answer. It usually keeps its survey and its customer."""
        random = self.random
        survey = random.choice(("nps", "nps", "csat", "csat", "exit", "exit", "ces"))
        customer = self._customer(0.9)
        offered = self._any_moment()
        if random.random() < 0.3:
            named = random.choice((customer, {}, self._customer(1)))
            self._add("offered", offered, feedback_id=name, survey=survey, **named)
        for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4))):
            answered = survey if random.random() < 0.9 else random.choice(("nps", "csat", "exit", "ces"))
            named = customer if random.random() < 0.85 else self._customer(0.7)
            self._add("submitted", self._any_moment(), feedback_id=name, **self._answer(answered), **named)
        if random.random() < 0.08:
            self._add("withdrawn_answer", self._any_moment(), feedback_id=name, **self._customer(0.3))

    def _answer(self, survey: str) -> dict[str, Any]:
        random = self.random
        data: dict[str, Any] = {"survey": survey, "score": random.randrange(11)}
        if survey in ("csat", "ces"):
            scale = random.choice(SCALES)
            low, high = scale or (1, 5)
            data |= {"score": random.randrange(low, high + 1), "scale": scale and list(scale)}
        if random.random() < 0.12:
            data["score"] = None
        if random.random() < (0.7 if survey == "exit" else 0.2):
            data["reasons"] = random.choices(("price", " price ", "bugs", "moved"), k=random.randrange(4))
        if random.random() < 0.15:
            transaction = self._any_moment() + random.choice((-1, 0, 1))
            data["transaction_time"] = time_text(transaction)
        if random.random() < 0.3:
            data["revision"] = random.choice((0, 1, 2, None))
        if random.random() < (0.8 if survey == "csat" else 0.1):
            data["ticket_id"] = random.choice((*self.tickets, *self.tickets, "nowhere"))
        return data

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
    "updated": lambda history, _: history._dimensions("channel", "team", "topic"),
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
