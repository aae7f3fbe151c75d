"""The owner of a record: the ID in its data to which it belongs, and the key that publishers give it."""

from operator import attrgetter

from .fields import Data
from .notes import OF_NOTES
from .tickets import InteractionHandled, TicketSummarized
from .topics import CUSTOMERS, FEEDBACK, TICKETS

_OWNERS = {
    kind: attrgetter(field)
    for topic, field in ((FEEDBACK, "feedback_id"), (TICKETS, "ticket_id"), (CUSTOMERS, "customer_id"))
    for kind in topic.types
} | dict.fromkeys(OF_NOTES, attrgetter("note_id"))
"""The erasure, which is a type of all three, has a `customer_id` only."""
_SUBSTITUTES = {InteractionHandled: attrgetter("interaction_id"), TicketSummarized: attrgetter("ticket_id")}
"""The owner of events that do not have the ID of their topic."""


def owner_of(data: Data) -> str:
    """Return the ID that decides the partition of an event, whatever the key of its record is.

    It is the `feedback_id` (of a note the `note_id`), the `ticket_id` (of an interaction without ticket the `interaction_id`), or the
    `customer_id` (of a summary without customer the `ticket_id`).
    """
    owner: str | None = _OWNERS[type(data)](data)
    if owner is None:
        owner = _SUBSTITUTES[type(data)](data)
    return str(owner)


def person_of(data: Data) -> str | None:
    """Return the customer that an event names, None if it names nobody."""
    person: str | None = getattr(data, "customer_id", None)  # notes have none
    return person
