"""Lists of tickets and customers as documents: JSON of the API and of commands, and lines of CSV."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from schemas.times import from_ms
from stream.core.model.listing import LeavingRow, Listing, TicketListName, TicketRow

Document = dict[str, Any]


class ListContext(NamedTuple):
    """The present of a list, and how complete it is.

    Attributes:
        now: the end of its window, and the present for ages, in ms
        window: the label of its window, None for a list without one
        incomplete: the reason why it may lack changes. Empty if it does not
        ticket_url: the template of links to tickets, None if there are no links
    """

    now: int
    window: str | None
    incomplete: str = ""
    ticket_url: str | None = None


def link(template: str | None, ticket_id: str) -> str | None:
    """Return the address of a ticket's page, None without a template. Every reserved character of the ID is escaped."""
    return None if template is None else template.replace("{id}", quote(ticket_id, safe=""))


def ticket_document(name: TicketListName, listing: Listing[TicketRow], context: ListContext) -> Document:
    """Return a list of tickets."""
    rows = [
        {
            "id": row.id,
            "since": from_ms(row.since).isoformat(timespec="milliseconds"),
            "age_seconds": _age(row.since, context.now),
            "channel": row.channel,
            "team": row.team,
            "priority": row.priority,
            "url": link(context.ticket_url, row.id),
        }
        for row in listing.rows
    ]
    return {"list": name, **_head(listing.total, context), "tickets": rows}


def leaving_document(listing: Listing[LeavingRow], context: ListContext) -> Document:
    """Return the list of customers who leave."""
    rows = [
        {
            "id": row.id,
            "state": row.state,
            "since": from_ms(row.since).isoformat(timespec="milliseconds"),
            "age_seconds": _age(row.since, context.now),
            "reason": row.reason,
            "voluntary": row.voluntary,
            "plan": row.plan,
        }
        for row in listing.rows
    ]
    return {"list": "leaving", **_head(listing.total, context), "customers": rows}


def rows_of(document: Document) -> list[Document]:
    """Return the rows of a document."""
    rows: list[Document] = document["tickets" if "tickets" in document else "customers"]
    return rows


def columns(document: Document) -> Sequence[str]:
    """Return the names of a document's columns, which also a list without rows has."""
    if "tickets" in document:
        return ("id", "since", "age_seconds", "channel", "team", "priority", "url")
    return ("id", "state", "since", "age_seconds", "reason", "voluntary", "plan")


def _head(total: int, context: ListContext) -> Document:
    return {
        "at": from_ms(context.now).isoformat(timespec="milliseconds"),
        "window": context.window,
        "total": total,
        "incomplete": context.incomplete,
    }


def _age(since: int, now: int) -> int:
    return max(0, now - since) // 1000
