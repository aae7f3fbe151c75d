"""The public contract in code: events, topics and keys, their encoding, and a client that publishes them.

Apps install it as `cxgauge-events` and import it as `cxgauge_events`. The server has the same source as `schemas`.
"""

from typing import TYPE_CHECKING, Any

from .customers import (
    CancelScheduled,
    CustomerActivated,
    CustomerChurned,
    CustomerErased,
    CustomerResponded,
    PurchaseCompleted,
    PurchaseRefunded,
    ReferralConverted,
    ReferralReversed,
    ReferralSent,
)
from .explain import Undecodable
from .feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from .notes import Note, NoteDeleted
from .tickets import (
    InteractionHandled,
    TicketCreated,
    TicketDeleted,
    TicketHandoff,
    TicketMerged,
    TicketMessage,
    TicketStatus,
    TicketUpdated,
)

if TYPE_CHECKING:
    from .publish import Publisher
    from .publish_sync import SyncPublisher

__all__ = [
    "CancelScheduled",
    "CustomerActivated",
    "CustomerChurned",
    "CustomerErased",
    "CustomerResponded",
    "FeedbackDeleted",
    "FeedbackOffered",
    "FeedbackSubmitted",
    "InteractionHandled",
    "Note",
    "NoteDeleted",
    "Publisher",
    "PurchaseCompleted",
    "PurchaseRefunded",
    "ReferralConverted",
    "ReferralReversed",
    "ReferralSent",
    "SyncPublisher",
    "TicketCreated",
    "TicketDeleted",
    "TicketHandoff",
    "TicketMerged",
    "TicketMessage",
    "TicketStatus",
    "TicketUpdated",
    "Undecodable",
]


def __getattr__(name: str) -> Any:
    """Import a publisher at its first use, because aiokafka takes longer to import than the rest of the package."""
    if name == "Publisher":
        from .publish import Publisher  # noqa: PLC0415

        return Publisher
    if name == "SyncPublisher":
        from .publish_sync import SyncPublisher  # noqa: PLC0415

        return SyncPublisher
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
