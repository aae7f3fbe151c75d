"""What the changes of a flush change in the figures: those of its tickets, and of the persons' other tickets."""

from collections import defaultdict
from collections.abc import Callable

from stream.core.book import Book, project
from stream.core.buckets import MINUTE
from stream.core.metrics import fcr
from stream.core.rules import Rules, Values
from stream.core.tally import LAST, SHIFT, Contribution, Vector, add, merge
from stream.core.tickets.cycles import History, history
from stream.core.tickets.derive import derive
from stream.core.tickets.facts import Link, Made, Ticket, kept, pack, unpack
from stream.core.tickets.pages import Pages


def contributions(made: Made, values: Values) -> tuple[Contribution, ...]:
    """Contributions as the spine takes them, by minute."""
    found: defaultdict[tuple[str, int], Vector] = defaultdict(dict)
    for tally, vector in made.items():
        for place, n in vector.items():
            found[tally, place >> SHIFT][place & LAST] = n
    return tuple([Contribution(tally, values, (), minute, one) for (tally, minute), one in found.items()])


def derived(ticket: Ticket, past: History | None, rules: Rules) -> tuple[Values, Made]:
    """The values that the ticket's contributions carry, and these."""
    if past is None:
        return (), {}
    values = ticket.dimensions(rules)
    return project(values, rules), derive(past, ticket.repeated, values, rules)


def settle(book: Book) -> None:
    """Bring the figures to what the facts of the open tickets say, and pack what changed.

    First all pages are told, then it is judged anew what they decide, then the tickets are derived: the order in which
    tickets are open does not matter.
    """
    pages, rules = Pages(book), book.rules
    pasts = []
    for key, ticket in book.open.items():
        past = history(ticket)
        pasts.append(past)
        link = _link(ticket, past)
        if link != ticket.link:
            pages.tell(key, ticket.person, ticket.link, link)
            ticket.link, ticket.repeated = link, False
    pages.close()
    for key, page in pages.concerned.items():
        _judge(book, key, page.repeated)
    for (key, ticket), past in zip(book.open.items(), pasts, strict=True):
        scheduled = ticket.closed and key in book.entities
        ticket.closed = past is None or past.resolved
        _replace(book, ticket, *derived(ticket, past, rules))
        due = kept(ticket.last, rules) if ticket.closed and not scheduled else None
        book.put(key, pack(ticket), due)
    book.open = {}


def _link(ticket: Ticket, past: History | None) -> Link | None:
    if past is None:
        return None
    solved = past.judged.at if past.judged is not None and past.first_contact else None
    return Link(ticket.topic(), past.created, solved)


def _judge(book: Book, key: bytes, repeated: Callable[[int], bool]) -> None:
    """Judge anew whether a ticket's solve was a first contact; a forgotten ticket stays as it was counted."""
    if (ticket := book.open.get(key)) is not None:
        if ticket.link is not None and ticket.link.solved is not None:
            ticket.repeated = repeated(ticket.link.solved)
        return
    if (raw := book.entities.get(key)) is None:
        return
    ticket = unpack(raw)
    solved = ticket.link.solved if ticket.link is not None else None
    if solved is not None and repeated(solved) != ticket.repeated:
        _turn(book, ticket, solved)
        book.put(key, pack(ticket), None)


def _turn(book: Book, ticket: Ticket, solved: int) -> None:
    """Turn over whether a solve was a first contact: of all that the ticket contributes, two counts change."""
    ticket.repeated = not ticket.repeated
    start, sign = solved // MINUTE << SHIFT, -1 if ticket.repeated else 1
    change = {start | fcr.FIRST_CONTACT: sign, start | fcr.OTHER: -sign}
    add(ticket.made["fcr"], change)
    merge(book.deltas, ("fcr", ticket.values, ()), change)


def _replace(book: Book, ticket: Ticket, values: Values, made: Made) -> None:
    """Enter the difference between what the ticket contributed and what it does."""
    old, same = ticket.made, values == ticket.values
    for tally, vector in old.items():
        if not same or made.get(tally) != vector:
            merge(book.deltas, (tally, ticket.values, ()), {place: -n for place, n in vector.items()})
    for tally, vector in made.items():
        if not same or old.get(tally) != vector:
            merge(book.deltas, (tally, values, ()), vector.copy())
    ticket.values, ticket.made = values, made
