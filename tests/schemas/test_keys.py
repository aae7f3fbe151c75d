"""The owner of a record: the ID of its answer, ticket, interaction or customer."""

import pytest

from schemas.codec import Decoder
from schemas.customers import CustomerErased, ReferralSent
from schemas.envelope import EVENTS
from schemas.examples import EXAMPLES
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.fields import Data
from schemas.keys import owner_of, person_of
from schemas.notes import OF_NOTES, Note, NoteDeleted
from schemas.tickets import InteractionHandled, TicketMessage, TicketStatus, TicketSummarized
from schemas.topics import CUSTOMERS, FEEDBACK, topics_of


def call(ticket_id: str | None = None, customer_id: str | None = None) -> InteractionHandled:
    return InteractionHandled(
        interaction_id="i", talk_s=1, hold_s=0, wrap_s=0, ticket_id=ticket_id, customer_id=customer_id
    )


def summary(customer_id: str | None) -> TicketSummarized:
    return TicketSummarized(ticket_id="t", customer_id=customer_id, number=1)


@pytest.mark.parametrize(
    ("data", "owner"),
    [
        (FeedbackOffered(feedback_id="f", survey="nps", customer_id="c"), "f"),
        (FeedbackDeleted(feedback_id="f"), "f"),
        (FeedbackSubmitted(feedback_id="f", survey="nps", score=1, ticket_id="t", customer_id="c"), "f"),
        (TicketStatus(ticket_id="t", status="open", customer_id="c"), "t"),
        (TicketMessage(ticket_id="t", message_id="m", author="agent"), "t"),
        (call("t", "c"), "t"),
        (call(customer_id="c"), "i"),
        (ReferralSent(referral_id="r", customer_id="c", referee_id="d"), "c"),
        (summary("c"), "c"),
        (summary(None), "t"),
        (CustomerErased(customer_id="c"), "c"),
        (Note(note_id="n", text="x"), "n"),
        (NoteDeleted(note_id="n"), "n"),
    ],
)
def test_the_owner_is_the_entity_of_the_event(data: Data, owner: str) -> None:
    """The customer owns events of `cx.customers` and erasures only."""
    assert owner_of(data) == owner


def test_the_owner_of_customer_events_is_the_person() -> None:
    """Of other events it is not, although all of them but notes name a person here."""
    for kind in EVENTS.keys() - OF_NOTES:
        data = Decoder(topics_of(kind)[0]).decode(EXAMPLES[kind], ()).data
        assert person_of(data) == "anna"
        assert (owner_of(data) == "anna") == (kind in CUSTOMERS.types)


def test_notes_name_nobody() -> None:
    assert {person_of(Decoder(FEEDBACK).decode(EXAMPLES[kind], ()).data) for kind in OF_NOTES} == {None}
