"""The owner of a record: the ID in its data to which it belongs, and the key that publishers give it."""

from collections.abc import Callable
from typing import Any

from .fields import Data
from .tickets import InteractionHandled, TicketSummarized
from .topics import FEEDBACK, TICKETS, TOPICS


def owner_of(data: Data) -> str:
    """Return the ID that decides the partition of an event, whatever the key of its record is.

    It is the `feedback_id`, the `ticket_id` (of an interaction without ticket the `interaction_id`), or the
    `customer_id` (of a summary without customer the `ticket_id`).
    """
    return _OWNERS[type(data)](data)


def person_of(data: Data) -> str | None:
    """Return the customer that an event names, None if it names nobody."""
    person: str | None = data.customer_id  # type: ignore[attr-defined]  # every event has one, most of them optional
    return person


def _of_feedback(data: Any) -> str:
    return str(data.feedback_id)


def _of_ticket(data: Any) -> str:
    return str(data.ticket_id)


def _of_interaction(data: Any) -> str:
    return str(data.interaction_id if data.ticket_id is None else data.ticket_id)


def _of_customer(data: Any) -> str:
    return str(data.customer_id)


def _of_summary(data: Any) -> str:
    return str(data.ticket_id if data.customer_id is None else data.customer_id)


def _owners() -> dict[type[Data], Callable[[Any], str]]:
    owners: dict[type[Data], Callable[[Any], str]] = {}
    for topic in TOPICS.values():
        of_topic = {FEEDBACK.domain: _of_feedback, TICKETS.domain: _of_ticket}.get(topic.domain, _of_customer)
        for kind in topic.types:
            owners[kind] = of_topic
    return owners | {InteractionHandled: _of_interaction, TicketSummarized: _of_summary}


_OWNERS = _owners()
