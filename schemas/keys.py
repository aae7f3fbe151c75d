"""What a record is keyed by."""

from collections import OrderedDict

from schemas.customers import CustomerErased
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.fields import Data
from schemas.tickets import InteractionHandled

_FEEDBACK = (FeedbackOffered, FeedbackSubmitted, FeedbackDeleted)


def natural_key(data: Data) -> str:
    """The key of a record that has none: the customer, else the answer, the ticket, the interaction."""
    customer: str | None = getattr(data, "customer_id", None)
    return customer if customer is not None else _entity(data)[1]


def _entity(data: Data) -> tuple[str, str]:
    """What an event of feedback or tickets is about: kind and id."""
    if isinstance(data, _FEEDBACK):
        return "feedback", data.feedback_id
    if isinstance(data, InteractionHandled) and data.ticket_id is None:
        return "interaction", data.interaction_id
    ticket: str = data.ticket_id  # type: ignore[attr-defined]
    return "ticket", ticket
