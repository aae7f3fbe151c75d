"""An example event of each type, for the generated documents."""

from datetime import UTC, datetime

from .codec import encode, make
from .customers import (
    CancelScheduled,
    CancelWithdrawn,
    CustomerActivated,
    CustomerChurned,
    CustomerErased,
    CustomerResponded,
    CustomerUpdated,
    PurchaseCompleted,
    PurchaseRefunded,
    ReferralConverted,
    ReferralReversed,
    ReferralSent,
)
from .feedback import AnswerSummarized, FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from .fields import Data
from .notes import Note, NoteDeleted
from .tickets import (
    InteractionHandled,
    TicketCreated,
    TicketDeleted,
    TicketHandoff,
    TicketMerged,
    TicketMessage,
    TicketStatus,
    TicketSummarized,
    TicketUpdated,
)

AT = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)

_REFERRAL = {"referral_id": "friend-3", "customer_id": "anna", "referee_id": "ben"}

_DATA: tuple[Data, ...] = (
    FeedbackOffered(feedback_id="answer-1", survey="csat", customer_id="anna", channel="app"),
    FeedbackSubmitted(
        feedback_id="answer-1",
        survey="csat",
        score=4,
        customer_id="anna",
        channel="app",
        touchpoint="delivery",
        comment="A day late, but fine",
        reasons=("late_delivery",),
        labels={"region": "north"},
    ),
    FeedbackDeleted(feedback_id="answer-1", customer_id="anna"),
    TicketCreated(ticket_id="T-20", customer_id="anna", topic="invoice", channel="mail", priority="normal"),
    TicketMessage(ticket_id="T-20", message_id="1", author="agent", customer_id="anna"),
    TicketStatus(ticket_id="T-20", status="solved", by="agent", customer_id="anna"),
    TicketHandoff(ticket_id="T-20", customer_id="anna"),
    TicketUpdated(ticket_id="T-20", team="billing", customer_id="anna"),
    TicketMerged(ticket_id="T-21", into="T-20", customer_id="anna"),
    TicketDeleted(ticket_id="T-22", reason="spam", customer_id="anna"),
    InteractionHandled(
        interaction_id="call-5", talk_s=200, hold_s=12.5, wrap_s=40, channel="phone", customer_id="anna"
    ),
    CustomerActivated(customer_id="anna", plan="family", margin_rate=0.35, channel="web"),
    CancelScheduled(customer_id="anna", effective_at=datetime(2026, 12, 31, 23, tzinfo=UTC), reason="price"),
    CancelWithdrawn(customer_id="anna"),
    CustomerUpdated(customer_id="anna", plan="single"),
    CustomerChurned(customer_id="anna", reason="price"),
    PurchaseCompleted(order_id="order-8", customer_id="anna", amount_minor=4_990, currency="EUR"),
    PurchaseRefunded(
        order_id="order-8", refund_id="refund-1", customer_id="anna", amount_minor=990, currency="EUR"
    ),
    ReferralSent(**_REFERRAL),
    ReferralConverted(**_REFERRAL),
    ReferralReversed(**_REFERRAL),
    CustomerResponded(customer_id="anna"),
    TicketSummarized(
        ticket_id="T-20",
        customer_id="anna",
        number=71,
        topic="invoice",
        created=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
        solved=AT,
        one_contact=True,
        resolved=True,
        channel="mail",
        ticket_topic="invoice",
        first_response="in_time",
        present={"channel": "mail", "ticket_topic": "invoice"},
    ),
    AnswerSummarized(
        feedback_id="answer-1",
        customer_id="anna",
        number=72,
        survey="csat",
        moment=AT,
        counts=True,
        answer_class="satisfied",
        ticket_id="T-20",
    ),
    CustomerErased(customer_id="anna"),
    Note(note_id="release-4.2", text="Release 4.2", channel="app"),
    NoteDeleted(note_id="release-4.2"),
)

EXAMPLES: dict[type[Data], bytes] = {
    type(data): encode(make(data, id=f"example-{number}", source="/shop", time=AT))
    for number, data in enumerate(_DATA, start=1)
}
"""Structured CloudEvents by the type of their data."""
