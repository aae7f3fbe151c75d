"""Data of the events of `cx.tickets`: the life of tickets, their messages, handled interactions."""

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

TicketId = Annotated[str, ident("The ticket. All of its events need one record key")]
Topic = Annotated[str, code("The subject, by which repeat contacts are recognised")]


class TicketCreated(Dimensions, kw_only=True):
    """A ticket was opened. Without this event a ticket contributes nothing."""

    TYPE: ClassVar[str] = "cx.ticket.created.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None
    opened_by: Defaulted[Annotated[Party, Meta(description="Who opened it")]] = "customer"
    topic: Topic | None = None

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.opened_by is None:
            self.opened_by = "customer"
        if self.topic is not None:
            self.topic = trimmed(self.topic, "topic")


class TicketMessage(Data, kw_only=True):
    """A message was added to a ticket."""

    TYPE: ClassVar[str] = "cx.ticket.message.v1"

    ticket_id: TicketId
    message_id: Annotated[str, ident("Unique in its ticket")]
    author: Annotated[Party, Meta(description="Who wrote it")]
    public: Defaulted[Annotated[bool, Meta(description="false for an internal note")]] = True
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.public is None:
            self.public = True


class TicketStatus(Data, kw_only=True):
    """The status of a ticket was set. A ticket is resolved while its last status is solved or closed."""

    TYPE: ClassVar[str] = "cx.ticket.status.v1"

    ticket_id: TicketId
    status: Annotated[
        Literal["open", "pending", "on_hold", "solved", "closed"], Meta(description="The new status")
    ]
    by: (
        Annotated[
            Literal["agent", "bot", "customer", "timeout"],
            Meta(description="Who set it. agent, customer and an absent value are people"),
        ]
        | None
    ) = None
    customer_id: CustomerId | None = None


class TicketHandoff(Data, kw_only=True):
    """A bot handed a ticket over to people."""

    TYPE: ClassVar[str] = "cx.ticket.handoff.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None


class TicketUpdated(Dimensions, kw_only=True):
    """Dimensions or the topic of a ticket changed. Those that are absent stay as they were."""

    TYPE: ClassVar[str] = "cx.ticket.updated.v1"

    ticket_id: TicketId
    topic: Topic | None = None
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.topic is not None:
            self.topic = trimmed(self.topic, "topic")


class TicketMerged(Data, kw_only=True):
    """A ticket was merged into another one. It leaves every metric for good."""

    TYPE: ClassVar[str] = "cx.ticket.merged.v1"

    ticket_id: TicketId
    into: Annotated[str, ident("The other ticket")]
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.into == self.ticket_id:
            raise field_error("into", "another ticket than ticket_id", self.into)


class TicketDeleted(Data, kw_only=True):
    """A ticket was deleted. It leaves every metric for good."""

    TYPE: ClassVar[str] = "cx.ticket.deleted.v1"

    ticket_id: TicketId
    reason: Annotated[str, code("Reason, such as spam or test. No metric reads it")] | None = None
    customer_id: CustomerId | None = None

    def __post_init__(self) -> None:
        if self.reason is not None:
            self.reason = trimmed(self.reason, "reason")


class InteractionHandled(Dimensions, kw_only=True):
    """A call, chat or similar contact ended. `time` is the end of wrap-up. The highest revision counts."""

    TYPE: ClassVar[str] = "cx.interaction.handled.v1"

    interaction_id: Annotated[str, ident("The interaction")]
    outcome: Defaulted[
        Annotated[
            Literal["handled", "abandoned", "bot"],
            Meta(description="Handled by people, abandoned by the customer before that, or handled by a bot"),
        ]
    ] = "handled"
    talk_s: Annotated[Seconds, Meta(description="Seconds of talking, rounded to whole milliseconds")]
    hold_s: Annotated[Seconds, Meta(description="Seconds on hold, rounded to whole milliseconds")]
    wrap_s: Annotated[Seconds, Meta(description="Seconds of wrap-up, rounded to whole milliseconds")]
    legs: Defaulted[
        Annotated[
            int, Meta(ge=1, le=MAX_SAFE_INTEGER, description="Number of parts that different agents handled")
        ]
    ] = 1
    ticket_id: TicketId | None = None
    revision: Defaulted[
        Annotated[Count, Meta(description="The highest revision of an interaction counts")]
    ] = 0
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
