"""Record keys: the customer, and one key for all events of an answer or a ticket."""

import pytest

from schemas.customers import CustomerErased, ReferralSent
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.fields import Data
from schemas.keys import KeyMemory, default_record_key
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus


def call(ticket_id: str | None = None, customer_id: str | None = None) -> InteractionHandled:
    return InteractionHandled(
        interaction_id="i", talk_s=1, hold_s=0, wrap_s=0, ticket_id=ticket_id, customer_id=customer_id
    )


def message(ticket_id: str = "t", customer_id: str | None = None) -> TicketMessage:
    return TicketMessage(ticket_id=ticket_id, message_id="m", author="agent", customer_id=customer_id)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (FeedbackOffered(feedback_id="f", survey="nps", customer_id="c"), "c"),
        (FeedbackDeleted(feedback_id="f"), "f"),
        (FeedbackSubmitted(feedback_id="f", survey="nps", score=1, ticket_id="t"), "f"),
        (TicketStatus(ticket_id="t", status="open", customer_id="c"), "c"),
        (TicketStatus(ticket_id="t", status="open"), "t"),
        (call("t", "c"), "c"),
        (call("t"), "t"),
        (call(), "i"),
        (ReferralSent(referral_id="r", customer_id="c", referee_id="d"), "c"),
        (CustomerErased(customer_id="c"), "c"),
    ],
)
def test_default_keys_prefer_the_customer(data: Data, key: str) -> None:
    """The key is the customer, else the answer, the ticket, or the interaction."""
    assert default_record_key(data) == key
    assert KeyMemory().key(data) == key


def test_events_without_a_customer_follow_their_ticket() -> None:
    """A message or interaction without a customer has the key of its ticket."""
    keys = KeyMemory()
    assert keys.key(TicketCreated(ticket_id="t", customer_id="c")) == "c"
    assert [keys.key(message()), keys.key(call("t")), keys.key(message("other"))] == ["c", "c", "other"]


def test_ids_of_answers_and_tickets_are_separate() -> None:
    """A feedback id and a ticket id may be the same text."""
    keys = KeyMemory()
    keys.key(message("x", "c"))
    assert keys.key(FeedbackDeleted(feedback_id="x")) == "x"


def test_a_ticket_keeps_its_first_key() -> None:
    """Once sent under its own id, a ticket stays there when its customer becomes known."""
    keys = KeyMemory()
    assert [keys.key(message()), keys.key(message(customer_id="c")), keys.key(message())] == ["t", "t", "t"]


def test_the_same_id_of_another_customer_is_another_ticket() -> None:
    """A ticket is known by key and id: the customer that an event names is its key."""
    keys = KeyMemory()
    sent = [message(customer_id="c"), message(customer_id="d"), message()]
    assert [keys.key(data) for data in sent] == ["c", "d", "d"]


def test_a_given_key_is_used_and_remembered() -> None:
    """A given key overrides a known one, except for customer events and erasures."""
    keys = KeyMemory()
    assert keys.key(message(customer_id="c"), "k") == "k"
    assert keys.key(message()) == "k"
    assert keys.key(CustomerErased(customer_id="c"), "k") == "c"
    assert keys.key(ReferralSent(referral_id="r", customer_id="c", referee_id="d"), "k") == "c"


def test_the_memory_of_keys_is_bounded() -> None:
    """The entities not seen for longest are forgotten first."""
    keys = KeyMemory(limit=2)
    for ticket in ("a", "b", "a", "c"):
        keys.key(message(ticket, "customer"))
    assert [keys.key(message(ticket)) for ticket in ("a", "c", "b")] == ["customer", "customer", "b"]
