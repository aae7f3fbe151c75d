"""Seeded histories of tickets that are as nasty as the schema allows, and settings for them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from tests.definitions.events import TicketEvent
from tests.definitions.settings import DAY, HOUR, MINUTE, SECOND, WINDOWS, Calendar, Settings, Target

CHANNELS, TEAMS, PRIORITIES = ("chat", "phone", "web"), ("a", "b"), ("urgent", "low")
TOPICS, CUSTOMERS = ("bill", "login"), ("c1", "c2", "c3")
OPENED_BY = ("customer", "agent", "bot", "system")
NOWS = (1_790_000_000_000, 1_793_000_040_000, 1_780_358_400_000, 1_783_000_759_999, 1_775_000_000_000)
"""Times of 2026: in a minute, after the clocks changed in October, at midnight, 1 ms before a minute, after March."""
MAX_AGE = 45 * DAY
DURATIONS = (30 * SECOND, 5 * MINUTE, HOUR, 8 * HOUR, 2 * DAY)
"""Durations of targets."""
STEPS = (0, 0, 1, *DURATIONS, 5 * MINUTE + 1, 7 * DAY)


def history(random: Random, now: int) -> list[TicketEvent]:
    """Return events of some tickets, and of interactions without one, in a random order of reading."""
    return _History(random, now).events


def long_history(random: Random, now: int) -> list[TicketEvent]:
    """Return histories of a quarter, about the same tickets, read about in the order of their records.

    An interaction is in one of them only. A ticket would know its contact for longer than the interaction is known.
    """
    read: list[tuple[int, TicketEvent]] = []
    for n in range(3):
        for event in history(random, now - n * random.choice((19, 31, 38)) * DAY):
            data = dict(event.data)
            if event.kind == "handled":
                data["interaction_id"] += f" {n}"
            delay = random.choice((0, 0, MINUTE, 3 * DAY, 40 * DAY))
            read.append((event.stamp + delay, event._replace(id=f"{event.id} {n}", data=data)))
    return [event for _, event in sorted(read, key=lambda pair: pair[0])]


def with_erasures(random: Random, events: list[TicketEvent], now: int) -> list[TicketEvent]:
    """Return a history with erasures in between, whose records are as new as those of their neighbours or `now`."""
    out = list(events)
    for n in range(random.randrange(1, 5)):
        neighbour = random.randrange(len(out))
        stamp = random.choice((out[neighbour].stamp, now))
        at = min(stamp, random.choice((random.choice(events).at, now)))
        erasure = TicketEvent("erased", at, stamp, f"x{n}", {"customer_id": random.choice(CUSTOMERS)})
        out.insert(neighbour, erasure)
    return out


def settings(random: Random, windows: Sequence[dict[str, int]] = (WINDOWS,)) -> Settings:
    """Return targets by channel and priority, calendars by channel and team, and one of several sets of windows."""
    keys = ["chat/urgent", "chat", "*/urgent", "phone/low", "web"]
    weekdays = ("mon", "tue", "wed", "thu", "fri")
    rome = Calendar(
        "rome",
        "Europe/Rome",
        tuple((day, ("09:00-18:00",)) for day in weekdays),
        ("2026-09-16", "2026-10-23"),
    )
    split = tuple((day, ("08:00-12:30", "13:15-17:00")) for day in (*weekdays, "sat"))
    chat = Calendar("chat", "America/New_York", split, channels=("chat",))
    night = Calendar(
        "night",
        "UTC",
        (("mon", ("22:00-06:00",)), ("sun", ("20:00-04:00",))),
        ("2026-09-14", "2026-10-18"),
        teams=("a",),
    )
    clocks_change = Calendar("clocks", "Europe/Rome", (("sun", ("01:30-02:30", "02:45-03:15")),))
    both = Calendar("both", "UTC", (("tue", ("00:00-12:00",)),), channels=("phone", "web"), teams=("b",))
    longer = replace(rome, start=random.choice(("2026-06-01", "2026-09-15", "2026-10-25")), holidays=())
    longer = replace(longer, hours=tuple((day, ("07:30-20:00",)) for day in (*weekdays, "sun")))
    calendars = random.choice(
        [
            (),
            (rome,),
            (longer, rome),
            (chat, night),
            (both, chat, rome, longer),
            (night, both),
            (night, clocks_change),
        ]
    )
    targets = {
        key: Target(random.choice(DURATIONS), business=bool(calendars) and random.random() < 0.5)
        for key in random.sample(keys, random.randrange(len(keys)))
    }
    return Settings(
        targets,
        calendars,
        Target(random.choice(DURATIONS)),
        random.choice((1, 20, 60)) * SECOND,
        random.choice(windows),
    )


class _History:
    def __init__(self, random: Random, now: int) -> None:
        self.random, self.now = random, now
        self.moments = self._moments()
        self.number = 0
        self.events: list[TicketEvent] = []
        for n in range(random.randrange(1, 8)):
            random.choice((self._add_soup, self._add_soup, self._add_conversation, self._add_week))(f"t{n}")
        for n in range(random.randrange(3)):
            for _ in range(random.randrange(1, 4)):
                at = self._any_moment()
                self._add("handled", at, **self._handled(at, f"x{n}"))
        self._redeliver()
        random.shuffle(self.events)

    def _moments(self) -> list[int]:
        """Return few times that events share, among them bounds of windows, of weeks and of the future."""
        random, anchor = self.random, self.now - self.random.randrange(10 * MINUTE, MAX_AGE)
        window = random.choice((5 * MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY))
        edge = self.now // HOUR * HOUR + HOUR - window
        pool = [anchor, anchor + 1, anchor + 7 * DAY, anchor + 7 * DAY + 1, edge, edge - 1, self.now]
        pool += [
            anchor + random.choice((SECOND, MINUTE, HOUR, DAY)) * random.randrange(1, 60) for _ in range(3)
        ]
        pool += [self.now - random.randrange(10 * MINUTE) for _ in range(2)]
        pool = [at for at in pool if self.now - MAX_AGE <= at <= self.now]
        pool += [self.now + random.randrange(5 * MINUTE), self.now + 5 * MINUTE]
        return random.sample(pool, random.randrange(1, len(pool) + 1))

    def _any_moment(self) -> int:
        if self.random.random() < 0.8:
            return self.random.choice(self.moments)
        return self.now - self.random.randrange(MAX_AGE)

    def _add(self, kind: str, at: int, **data: Any) -> None:
        """Add an event with an ID whose order is random."""
        if kind != "handled" and self.random.random() < 0.2:
            data.setdefault("customer_id", self.random.choice((*CUSTOMERS, None)))
        self._append(TicketEvent(kind, at, self._stamp(kind, at), "", data))

    def _append(self, event: TicketEvent) -> None:
        self.number += 1
        self.events.append(event._replace(id=f"{self.random.randrange(100):02}-{self.number}"))

    def _stamp(self, kind: str, at: int) -> int:
        """Return the timestamp of a record, sometimes at the limit to the future. None is forgotten at `now`."""
        earliest = self.now - 30 * DAY
        stamps = [self.now, min(self.now, max(at, earliest))]
        if at - 5 * MINUTE > earliest and self.random.random() < 0.1:
            stamps += [at - 5 * MINUTE, at - 5 * MINUTE - 1]
        return self.now if kind == "handled" else self.random.choice(stamps)

    def _dimensions(
        self, names: tuple[str, ...] = ("channel", "team", "priority", "topic")
    ) -> dict[str, Any]:
        random = self.random
        values: dict[str, tuple[str | None, ...]] = {
            "channel": (*CHANNELS, " chat\t", None),
            "team": (*TEAMS, None),
            "priority": PRIORITIES,
            "topic": (*TOPICS, "bill ", None),
        }
        named: dict[str, Any] = {name: random.choice(values[name]) for name in names if random.random() < 0.5}
        if random.random() < 0.2:
            named["touchpoint"] = random.choice(("help", "shop", None))
        if random.random() < 0.2:
            labels = {"brand": ("x", " y", "", 1), "region": ("n",), "other": ("x",)}
            named["labels"] = {name: random.choice(labels[name]) for name in labels if random.random() < 0.5}
        return named

    def _create(self, ticket: str, at: int) -> None:
        random = self.random
        opened_by = random.choice([{}, {"opened_by": random.choice((*OPENED_BY, "agent", None))}])
        data = {"customer_id": random.choice(CUSTOMERS)} if random.random() < 0.8 else {}
        self._add("created", at, ticket_id=ticket, **opened_by, **self._dimensions(), **data)

    def _add_conversation(self, ticket: str) -> None:
        """Add a ticket whose events follow each other at meaningful distances."""
        random = self.random
        at = self._any_moment()
        times = [at]
        self._create(ticket, at)
        for n in range(random.randrange(20)):
            at = max(at, min(self.now, at + random.choice(STEPS)))
            kind = random.choice(("customer", "customer", "agent", "status", "status", "handled", "updated"))
            if kind in ("customer", "agent"):
                self._add("message", at, ticket_id=ticket, message_id=f"n{n}", author=kind)
            elif kind == "handled":
                call = self._handled(at, f"i{n}", start=random.choice(times))
                self._add(kind, at, ticket_id=ticket, **call)
            else:
                self._add(kind, at, ticket_id=ticket, **_KINDS[kind](self, at))
            times.append(at)

    def _add_week(self, ticket: str) -> None:
        """Add a ticket that one contact solved, and events about a week later: reopenings, other tickets."""
        random = self.random
        solved = self.now - random.randrange(MAX_AGE)
        same = {"customer_id": random.choice(CUSTOMERS), "topic": random.choice(TOPICS)}
        self._add("created", solved - random.choice((0, 1, HOUR)), ticket_id=ticket, **same)
        contact = {"ticket_id": ticket, "message_id": "w", "author": "agent"}
        self._add("message", solved, **contact)
        self._add(
            "status", solved, ticket_id=ticket, status="solved", by=random.choice(("agent", "customer"))
        )
        for n in range(random.randrange(3)):
            at = solved + random.choice((-1, 0, 1, DAY, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1))
            if at > self.now:
                continue
            if random.random() < 0.5:
                self._add("created", at, ticket_id=f"{ticket}-{n}", **same)
                if random.random() < 0.3:
                    self._add("updated", at + 1, ticket_id=f"{ticket}-{n}", topic=random.choice(TOPICS))
            else:
                self._add("status", at, ticket_id=ticket, status="open")

    def _add_soup(self, ticket: str) -> None:
        """Add a ticket whose events share few moments, in any order."""
        random = self.random
        if random.random() < 0.93:
            self._create(ticket, min(random.choice(self.moments), random.choice(self.moments)))
        kinds = random.choices(list(_KINDS), random.choice(_WEIGHTS), k=random.randrange(25))
        for kind in kinds:
            at = self._any_moment()
            self._add(kind, at, ticket_id=ticket, **_KINDS[kind](self, at))

    def _message(self, _: int) -> dict[str, Any]:
        author = self.random.choice(("customer", "customer", "agent", "agent", "bot", "system"))
        public = self.random.choice([{}, {}, {}, {"public": True}, {"public": None}, {"public": False}])
        return {"message_id": f"m{self.random.randrange(20)}", "author": author, **public}

    def _status(self, _: int) -> dict[str, Any]:
        status = self.random.choice(("open", "pending", "on_hold", "solved", "solved", "solved", "closed"))
        by = self.random.choice(
            [{}, {"by": None}, *({"by": by} for by in ("agent", "customer", "bot", "timeout"))]
        )
        return {"status": status, **by}

    def _call(self, at: int) -> dict[str, Any]:
        return self._handled(at, f"i{self.random.randrange(4)}")

    def _handled(self, at: int, name: str, start: int | None = None) -> dict[str, Any]:
        """Return an interaction that often begins at another event of the history, or at `start`."""
        random = self.random
        if start is None:
            start = random.choice([moment for moment in self.moments if moment <= at] or [at])
        length = at - start if random.random() < 0.6 else random.randrange(20 * MINUTE)
        talk = random.randrange(length + 1)
        hold = random.choice([0, random.randrange(length - talk + 1)])
        data = {
            "interaction_id": name,
            "talk_s": talk / 1000,
            "hold_s": hold / 1000,
            "wrap_s": (length - talk - hold) / 1000,
            **self._dimensions(("channel", "team", "priority")),
        }
        options: dict[str, Any] = {
            "outcome": random.choice(("handled", "handled", "abandoned", "bot", None)),
            "wait_s": random.choice((0, 1, 1.0005, 20, 20.0004, 20.001, 61.25, None)),
            "legs": random.choice((1, 2, 3, None)),
            "revision": random.choice((0, 1, 2, None)),
            "customer_id": random.choice(CUSTOMERS),
        }
        return data | {option: value for option, value in options.items() if random.random() < 0.4}

    def _redeliver(self) -> None:
        """Add copies of events under other IDs, some of them at another time."""
        for event in self.random.sample(self.events, self.random.randrange(len(self.events) + 1)):
            if self.random.random() < 0.3:
                at = event.at if self.random.random() < 0.7 else self._any_moment()
                self._append(event._replace(at=at, stamp=self._stamp(event.kind, at)))


_KINDS: dict[str, Callable[[_History, int], dict[str, Any]]] = {
    "created": lambda history, _: history._dimensions(),
    "message": _History._message,
    "status": _History._status,
    "handled": _History._call,
    "handoff": lambda _, __: {},
    "updated": lambda history, _: history._dimensions(),
    "merged": lambda _, __: {"into": "other"},
    "deleted": lambda _, __: {"reason": "spam"},
}
_WEIGHTS = (
    (2, 40, 40, 12, 5, 10, 0.4, 0.4),
    (0, 80, 5, 5, 5, 5, 0, 0),
    (0, 10, 60, 20, 5, 5, 0, 0),
    (1, 15, 15, 5, 5, 50, 0.2, 0),
)
"""Weights of the kinds: a mix, much talk, much work, many changes."""
