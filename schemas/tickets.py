"""Data of the events of `cx.tickets`: life cycle and messages of tickets, handled interactions."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from .dimensions import Dimensions
from .feedback import CustomerId
from .fields import (
    MAX_SAFE_INTEGER,
    Count,
    Data,
    Defaulted,
    Seconds,
    code,
    field_error,
    ident,
    trimmed,
)

Party = Literal["customer", "agent", "bot", "system"]

TicketId = Annotated[str, ident("The ticket; all of its events carry one record key")]
Topic = Annotated[str, code("What it is about")]


class TicketCreated(Dimensions, kw_only=True):
    """A ticket was opened. Without this event a ticket contributes nothing."""

    TYPE: ClassVar[str] = "cx.ticket.created.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None
    opened_by: Defaulted[Party] = "customer"
    topic: Topic | None = None

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.opened_by is None:
            self.opened_by = "customer"
        if self.topic is not None:
            self.topic = trimmed(self.topic, "topic")


class TicketMessage(Data, kw_only=True):
    """Someone wrote in a ticket."""

    TYPE: ClassVar[str] = "cx.ticket.message.v1"

    ticket_id: TicketId
    message_id: Annotated[str, ident("Unique in its ticket")]
    author: Party
    public: Defaulted[Annotated[bool, Meta(description="false: an internal note; true unless given")]] = True
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.public is None:
            self.public = True


class TicketStatus(Data, kw_only=True):
    """A ticket's status was set. It is resolved while the last one is solved or closed."""

    TYPE: ClassVar[str] = "cx.ticket.status.v1"

    ticket_id: TicketId
    status: Literal["open", "pending", "on_hold", "solved", "closed"]
    by: Literal["agent", "bot", "customer", "timeout"] | None = None
    customer_id: CustomerId | None = None


class TicketHandoff(Data, kw_only=True):
    """A bot handed over to people."""

    TYPE: ClassVar[str] = "cx.ticket.handoff.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None


class TicketUpdated(Dimensions, kw_only=True):
    """Dimensions or topic of a ticket changed: those given, the others stay."""

    TYPE: ClassVar[str] = "cx.ticket.updated.v1"

    ticket_id: TicketId
    topic: Topic | None = None
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.topic is not None:
            self.topic = trimmed(self.topic, "topic")


class TicketMerged(Data, kw_only=True):
    """A ticket went into another one: it leaves every figure, for good."""

    TYPE: ClassVar[str] = "cx.ticket.merged.v1"

    ticket_id: TicketId
    into: Annotated[str, ident("The other ticket")]
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.into == self.ticket_id:
            raise field_error("into", "another ticket than ticket_id", self.into)


class TicketDeleted(Data, kw_only=True):
    """A ticket was deleted: it leaves every figure, for good."""

    TYPE: ClassVar[str] = "cx.ticket.deleted.v1"

    ticket_id: TicketId
    reason: Annotated[str, code("spam, test, ...")] | None = None
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.reason is not None:
            self.reason = trimmed(self.reason, "reason")


class InteractionHandled(Dimensions, kw_only=True):
    """A call, chat or the like ended; `time` is the end of wrap-up. The highest revision counts."""

    TYPE: ClassVar[str] = "cx.interaction.handled.v1"

    interaction_id: Annotated[str, ident("The interaction")]
    outcome: Defaulted[Literal["handled", "abandoned", "bot"]] = "handled"
    talk_s: Annotated[Seconds, Meta(description="Seconds of talking, rounded to whole milliseconds")]
    hold_s: Annotated[Seconds, Meta(description="Seconds on hold, likewise")]
    wrap_s: Annotated[Seconds, Meta(description="Seconds of after-work, likewise")]
    legs: Defaulted[
        Annotated[int, Meta(ge=1, le=MAX_SAFE_INTEGER, description="Parts by different agents")]
    ] = 1
    ticket_id: TicketId | None = None
    revision: Defaulted[Annotated[Count, Meta(description="The highest counts, 0 unless given")]] = 0
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.outcome is None:
            self.outcome = "handled"
        if self.legs is None:
            self.legs = 1
        if self.revision is None:
            self.revision = 0

    @property
    def talk_ms(self) -> int:
        """`talk_s` in whole milliseconds."""
        return round(self.talk_s * 1000)

    @property
    def hold_ms(self) -> int:
        """`hold_s` in whole milliseconds."""
        return round(self.hold_s * 1000)

    @property
    def wrap_ms(self) -> int:
        """`wrap_s` in whole milliseconds."""
        return round(self.wrap_s * 1000)
