"""The domain of `cx.tickets`: tickets, what they know of each other, and interactions."""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.envelope import Event
from schemas.tickets import InteractionHandled
from schemas.topics import TICKETS
from stream.core import interactions
from stream.core.book import Book, Outcome
from stream.core.domain import Name, Plain
from stream.core.panes import Cell
from stream.core.rules import Rules
from stream.core.tally import Contribution
from stream.core.tickets import repeats
from stream.core.tickets.count import contributions, derived, settle
from stream.core.tickets.cycles import history
from stream.core.tickets.facts import Ticket, address, kept, pack, place_of, unpack
from stream.core.tickets.merge import HANDLERS, learn, natural_key
from stream.core.tickets.pages import REPEATS

TICKET = b"t"


class Tickets:
    """The domain of `cx.tickets`."""

    name: Name = "tickets"
    topic = TICKETS
    since = 3
    loosely = ()

    def expires(self, data: object) -> bool:
        """Whether an event may come too late: ticket events of any age are used."""
        return type(data) is InteractionHandled

    def apply(self, book: Book, event: Event, at: int, person: bytes) -> Outcome:
        """Enter an event in the facts of its ticket or interaction; a ticket stays open. `at` is in ms."""
        accepted = self.apply_all(book, Plain((event,), (event,), (person,), (at,), (book.record_time,)))
        return "accepted" if accepted else "duplicate"

    def look(self, book: Book, events: Sequence[Event]) -> Sequence[Event]:
        """Nothing that decoding does not see."""
        del book
        return events

    def apply_all(self, book: Book, plain: Plain) -> list[int]:
        """`apply` for each; the times of those accepted."""
        tickets, accepted = book.open, []
        for event, _, person, at, stamp in zip(*plain, strict=True):
            data: Any = event.data
            handle = HANDLERS.get(type(data))
            if handle is None:
                book.record_time = stamp
                if interactions.apply(book, data, at, person) == "accepted":
                    accepted.append(at)
                continue
            key = address(TICKET, person, data.ticket_id)
            ticket: Ticket | None = tickets.get(key)
            if ticket is None:
                raw = book.entities.get(key)
                ticket = Ticket(person) if raw is None else unpack(raw)
            if learn(ticket, natural_key(event)):
                tickets[key] = ticket
                ticket.last = max(ticket.last, stamp)
                handle(book, ticket, data, place_of(at, event.id))
                accepted.append(at)
        book.record_time = plain.stamps[-1]
        return accepted

    def settle(self, book: Book) -> None:
        """Enter in the deltas what the open tickets contribute, less what they did, and pack them."""
        settle(book)

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark at which an entity is forgotten; a ticket that is not closed is kept."""
        if key[:1] == TICKET:
            ticket = unpack(raw)
            return kept(ticket.last, rules) if ticket.closed else None
        if key[:1] == REPEATS:
            return kept(repeats.unpack(raw).newest or 0, rules)
        return interactions.until(interactions.unpack(raw), rules)

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        if key[:1] == TICKET:
            return unpack(raw).person
        return repeats.unpack(raw).person if key[:1] == REPEATS else interactions.unpack(raw).person

    def made(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an entity contributes: what was last made of it."""
        del rules
        if key[:1] == TICKET:
            ticket = unpack(raw)
            return contributions(ticket.made, ticket.values)
        return () if key[:1] == REPEATS else interactions.unpack(raw).made

    def withdrawn(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: all of a ticket that is not resolved."""
        return self.made(key, raw, rules) if key[:1] == TICKET and not unpack(raw).closed else ()

    def rederive(self, key: bytes, raw: bytes, book: Book, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] == TICKET:
            ticket = unpack(raw)
            _remap(ticket, book, old)
            ticket.values, ticket.made = derived(ticket, history(ticket), book.rules)
            return pack(ticket)
        if key[:1] == REPEATS:
            return raw
        one = interactions.unpack(raw)
        one.values = book.remap(one.values, old)
        one.made = interactions.derive(one, book.rules)
        return interactions.pack(one)

    def code(self, cell: Cell) -> None:
        """No tally of this domain has open codes."""


def _remap(ticket: Ticket, book: Book, old: tuple[str, ...]) -> None:
    """Values under the dimensions and caps in force."""
    if ticket.created is not None:
        values = book.remap(ticket.created.values, old)
        ticket.created = msgspec.structs.replace(ticket.created, values=values)
    changed = (ticket.changes.get(name, (b"", None))[1] for name in book.rules.dimensions)
    for name, value in zip(book.rules.dimensions, book.known.dimensions(tuple(changed)), strict=False):
        if value is not None:
            ticket.changes[name] = (ticket.changes[name][0], value)
