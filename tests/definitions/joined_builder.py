"""Events for random histories: content that is valid and as nasty as the schema allows, IDs in random order."""

from random import Random
from typing import Any

from tests.definitions.events import TicketEvent
from tests.definitions.events import natural_key as ticket_key
from tests.definitions.joined_customers import natural_key as customer_key
from tests.definitions.joined_events import CUSTOMERS, FEEDBACK, JoinedEvent, time_text
from tests.definitions.settings import DAY

CHANNELS, TEAMS, PLANS, TOPICS = ("chat", "web"), ("a", "b"), ("basic", "pro"), ("bill", "login")
SCALES = (None, None, (1, 5), (1, 3), (0, 3), (0, 10))


class EventBuilder:
    """Collects events. No two differ in content under one natural key."""

    def __init__(self, random: Random, people: tuple[str, ...]) -> None:
        self.random, self.people = random, people
        self.events: list[JoinedEvent] = []
        self.tickets: dict[str, str] = {}
        """The customers of tickets at their creation."""
        self._keys: set[Any] = set()

    def add(self, kind: str, at: int, stamp: int, **data: Any) -> None:
        """Add an event unless another one has its natural key. The order of IDs is random."""
        event = JoinedEvent(kind, at, stamp, "", data)
        key = _natural_key(event)
        if key in self._keys:
            return
        if key is not None:
            self._keys.add(key)
        self.events.append(event._replace(id=f"{self.random.randrange(100):02}-{len(self.events):04}"))

    def dimensions(self, *names: str) -> dict[str, Any]:
        values = {"channel": CHANNELS, "team": TEAMS, "plan": PLANS, "topic": TOPICS}
        return {
            name: self.random.choice((*values[name], None)) for name in names if self.random.random() < 0.6
        }

    def customer(self, probability: float) -> dict[str, Any]:
        """Return a customer or nobody. Null is as if absent."""
        if self.random.random() < probability:
            return {"customer_id": self.random.choice(self.people)}
        return self.random.choice([{}, {"customer_id": None}])

    def creation(self) -> dict[str, Any]:
        """Return the content of the creation of a ticket."""
        opened_by = self.random.choice(("customer", "customer", "agent", "bot"))
        return {"opened_by": opened_by, **self.dimensions("channel", "team", "topic")}

    def answer(self, survey: str, at: int) -> dict[str, Any]:
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
            data["transaction_time"] = time_text(at + random.choice((-DAY, -1, 0, 1, DAY)))
        if random.random() < 0.3:
            data["revision"] = random.choice((0, 1, 2, None))
        if random.random() < (0.8 if survey == "csat" else 0.1):
            data["ticket_id"] = random.choice((*self.tickets, *self.tickets, "nowhere"))
        return data


def _natural_key(event: JoinedEvent) -> Any:
    event = event.without_nulls()
    if event.kind in CUSTOMERS:
        return event.data["customer_id"], customer_key(event)
    if event.kind in FEEDBACK:
        is_answer = event.kind == "submitted"
        return None if is_answer else (event.kind, event.data["feedback_id"])
    key = ticket_key(TicketEvent(*event))
    return event.data["ticket_id"], key, event.data.get("interaction_id")
