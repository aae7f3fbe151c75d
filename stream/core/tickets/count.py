"""What a change of a ticket's facts changes in the figures: its own, and those of the person's other tickets."""

from collections.abc import Iterable

from stream.core.book import Book, project
from stream.core.buckets import HOUR, MINUTE
from stream.core.metrics import fcr
from stream.core.rules import Rules, Values
from stream.core.tally import Contribution, Vector, add, enter
from stream.core.tickets import repeats
from stream.core.tickets.cycles import History, history
from stream.core.tickets.derive import derive
from stream.core.tickets.facts import Link, Made, Ticket, address, pack, unpack
from stream.core.tickets.repeats import Repeats

REPEATS = b"f"


def contributions(made: Made, values: Values) -> tuple[Contribution, ...]:
    """Contributions as the spine takes them."""
    return tuple(
        [Contribution(tally, values, (), minute, vector) for (tally, minute), vector in made.items()]
    )


def derived(ticket: Ticket, past: History | None, rules: Rules) -> tuple[Values, Made]:
    """The values that the ticket's contributions carry, and these."""
    if past is None:
        return (), {}
    values = ticket.dimensions(rules)
    return project(values, rules), derive(past, ticket.repeated, values, rules)


def kept(last: int, rules: Rules) -> int:
    """When what was last seen at a moment is forgotten, on the hour."""
    return (last // HOUR + 1) * HOUR + rules.memory


def count(book: Book, key: bytes, ticket: Ticket) -> None:
    """Bring the figures to what the facts say."""
    past = history(ticket)
    ticket.closed = past is None or past.resolved
    link = None
    if past is not None:
        solved = past.judged.at if past.judged is not None and past.first_contact else None
        link = Link(ticket.topic(), past.created, solved)
    if link != ticket.link:
        _relink(book, key, ticket, link)
    _replace(book, ticket, past)


def _replace(book: Book, ticket: Ticket, past: History | None) -> None:
    """Enter the difference between what the ticket contributed and what it does."""
    values, made = derived(ticket, past, book.rules)
    old, same = ticket.made, values == ticket.values
    for cell, vector in old.items():
        if not same or made.get(cell) != vector:
            _enter(book, ticket.values, cell, vector, -1)
    for cell, vector in made.items():
        if not same or old.get(cell) != vector:
            _enter(book, values, cell, vector)
    ticket.values, ticket.made = values, made


def _enter(book: Book, values: Values, cell: tuple[str, int], vector: Vector, sign: int = 1) -> None:
    tally, minute = cell
    enter(book.deltas, (tally, values, ()), minute, vector, sign)


def _relink(book: Book, key: bytes, ticket: Ticket, link: Link | None) -> None:
    """Tell the person's tickets about the topic, before and now; judge those anew for which that decides."""
    old, ticket.link, ticket.repeated = ticket.link, link, False
    if old is not None and (link is None or link.topic != old.topic):
        _tell(book, key, ticket.person, old, None)
        old = None
    if link is not None:
        page = _tell(book, key, ticket.person, old, link)
        ticket.repeated = link.solved is not None and page.repeated(link.solved)


def _tell(book: Book, key: bytes, person: bytes, old: Link | None, new: Link | None) -> Repeats:
    """Change what a ticket tells about one topic. Returns all that is told about it."""
    either = new or old
    page_key = address(REPEATS, person, either.topic if either else "")
    raw = book.entities.get(page_key)
    page = Repeats(person) if raw is None else repeats.unpack(raw)
    page.change(key, old, new)
    page.forget(book.record_time - book.rules.memory)
    newest = page.newest
    if newest is None:
        book.put(page_key, None, None)
    else:
        book.put(page_key, repeats.pack(page), kept(newest, book.rules) if raw is None else None)
    if old is None or new is None or old.created != new.created:
        for link in (old, new):
            _refresh(book, page, () if link is None else page.concerned(link.created), key)
    return page


def _refresh(book: Book, page: Repeats, concerned: Iterable[bytes], but: bytes) -> None:
    """Judge tickets anew by their neighbours; those that are forgotten stay as they were counted."""
    for key in concerned:
        raw = book.entities.get(key)
        if raw is None or key == but:
            continue
        ticket: Ticket = book.open.get(key) or unpack(raw)
        solved = ticket.link and ticket.link.solved
        if solved is not None and page.repeated(solved) != ticket.repeated:
            _judge(book, ticket, solved)
            book.put(key, pack(ticket), None)


def _judge(book: Book, ticket: Ticket, solved: int) -> None:
    """Turn over whether a solve was a first contact: of all that the ticket contributes, two counts change."""
    ticket.repeated = not ticket.repeated
    change = (
        {fcr.FIRST_CONTACT: -1, fcr.OTHER: 1} if ticket.repeated else {fcr.FIRST_CONTACT: 1, fcr.OTHER: -1}
    )
    cell = "fcr", solved // MINUTE
    _enter(book, ticket.values, cell, change)
    ticket.made[cell] = vector = dict(ticket.made[cell])
    add(vector, change)
