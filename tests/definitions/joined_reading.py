"""All events in the order of reading: the customers and answers that they give, and those that erasures left behind."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.definitions.events import TicketEvent
from tests.definitions.joined_answers import CountingAnswer, counting_answers, events_by_answer, owner_of
from tests.definitions.joined_customers import WalkedCustomer, walked_customers
from tests.definitions.joined_events import CUSTOMERS, FEEDBACK, JoinedEvent
from tests.definitions.reading import EventReader
from tests.definitions.replay import Replay
from tests.definitions.settings import WINDOWS, Settings


@dataclass(frozen=True)
class JoinedSettings:
    """Everything that the joined figures depend on besides events."""

    tickets: Settings = field(default_factory=Settings)
    windows: dict[str, int] = field(default_factory=lambda: dict(WINDOWS))
    margin: Fraction = Fraction(1)


@dataclass(frozen=True)
class TicketAnswer:
    """A CSAT answer joined with its ticket, which is of the same customer. The moment is in ms."""

    customer: str
    moment: int
    dimensions: dict[str, str]
    is_satisfied: bool
    fate: str


@dataclass(frozen=True)
class JoinedState:
    """Everybody and all joined answers."""

    customers: list[WalkedCustomer]
    ticket_answers: list[TicketAnswer]


class _TicketReader(EventReader):
    """Reads tickets, and forgets none: answers about a ticket that is forgotten stay joined with it."""

    def _forget(self) -> None:
        pass


class JoinedReader:
    """Reads events one by one. Erasures depend on the order of reading, and nothing else does."""

    def __init__(self, settings: JoinedSettings) -> None:
        self.settings = settings
        self._tickets = _TicketReader(settings.tickets)
        self._events: list[JoinedEvent] = []
        self._erasures: dict[str, int] = {}
        self._erased_answers: set[str] = set()
        self._left_behind = JoinedState([], [])

    def read_all(self, events: Iterable[JoinedEvent]) -> "JoinedReader":
        """Read events of any outcome."""
        for event in events:
            self.read(event)
        return self

    def read(self, event: JoinedEvent) -> None:
        event = event.without_nulls()
        if not event.is_in_time(max(self.settings.windows.values())):
            return
        if event.kind == "erased":
            self._erase(event)
        elif event.kind not in (*FEEDBACK, *CUSTOMERS):
            self._tickets.read(TicketEvent(*event))
        elif not self._is_erased(event):
            self._events.append(event)

    def restart(self, settings: JoinedSettings) -> None:
        """Go on with other settings, which hold for all of the past but that of erased people."""
        self.settings = settings
        self._tickets.settings = settings.tickets

    def state(self) -> JoinedState:
        """Return everything that is known now."""
        answers = counting_answers(self._events)
        joined = ticket_answers(answers, self._tickets.replays())
        customers = walked_customers(self._events, answers, self.settings.margin)
        left = self._left_behind
        return JoinedState(left.customers + customers, left.ticket_answers + joined)

    def _is_erased(self, event: JoinedEvent) -> bool:
        customer = event.data.get("customer_id")
        if customer is not None:
            return event.at <= self._erasures.get(customer, event.at - 1)
        return event.data["feedback_id"] in self._erased_answers

    def _erase(self, erasure: JoinedEvent) -> None:
        """Freeze all figures of a person without the present life, and forget the person."""
        customer = str(erasure.data["customer_id"])
        if erasure.at <= self._erasures.get(customer, erasure.at - 1):
            return
        self._erasures[customer] = erasure.at
        known = self.state()
        first = len(self._left_behind.customers)
        self._left_behind.customers.extend(
            walked.finished() for walked in known.customers[first:] if walked.name == customer
        )
        first = len(self._left_behind.ticket_answers)
        self._left_behind.ticket_answers.extend(
            answer for answer in known.ticket_answers[first:] if answer.customer == customer
        )
        gone = {
            name for name, events in events_by_answer(self._events).items() if owner_of(events) == customer
        }
        self._erased_answers |= gone
        self._events = [
            event
            for event in self._events
            if event.data.get("feedback_id") not in gone
            and (event.kind in FEEDBACK or event.data["customer_id"] != customer)
        ]
        self._tickets.read(TicketEvent(*erasure))


def ticket_answers(answers: list[CountingAnswer], replays: list[Replay]) -> list[TicketAnswer]:
    """Return the CSAT answers that name a ticket of their own customer."""
    by_name = {replay.ticket.name: replay for replay in replays}
    joined = []
    for answer in answers:
        replay = by_name.get(answer.ticket or "")
        if answer.survey == "csat" and replay and replay.ticket.customer == answer.customer:
            is_satisfied = answer.answer_class == "satisfied"
            dimensions = replay.ticket.present_dimensions
            joined.append(
                TicketAnswer(answer.customer, answer.moment, dimensions, is_satisfied, fate_of(replay))
            )
    return joined


def fate_of(replay: Replay) -> str:
    """Return whether the first response was within its target."""
    for fact in replay.facts:
        if fact.kind == "first_response":
            return "in_time" if fact.values["within"] else "late"
    return "none"
