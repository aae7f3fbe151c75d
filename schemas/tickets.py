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
from .times import Time

Party = Literal["customer", "agent", "bot", "system"]

TicketId = Annotated[str, ident("The ticket, to which all of its events belong")]
Topic = Annotated[str, code("The subject, by which repeat contacts are recognised")]


class TicketDimensions(Dimensions, kw_only=True):
    """The dimensions of tickets. The topic is the dimension `ticket_topic`."""

    DIMENSIONS: ClassVar[tuple[str, ...]] = (*Dimensions.DIMENSIONS, "topic")

    topic: Topic | None = None


class TicketCreated(TicketDimensions, kw_only=True):
    """A ticket was opened. Without this event a ticket contributes nothing but to the orphans."""

    TYPE: ClassVar[str] = "cx.ticket.created.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None
    opened_by: Defaulted[Annotated[Party, Meta(title="Party", description="Who opened it")]] = "customer"

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.opened_by is None:
            self.opened_by = "customer"


class TicketMessage(Data, kw_only=True):
    """A message was added to a ticket."""

    TYPE: ClassVar[str] = "cx.ticket.message.v1"

    ticket_id: TicketId
    message_id: Annotated[str, ident("Unique in its ticket")]
    author: Annotated[Party, Meta(title="Party", description="Who wrote it")]
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
        Literal["open", "pending", "on_hold", "solved", "closed"],
        Meta(title="Status", description="The new status"),
    ]
    by: (
        Annotated[
            Literal["agent", "bot", "customer", "timeout"],
            Meta(
                title="StatusSetter", description="Who set it. agent, customer and an absent value are people"
            ),
        ]
        | None
    ) = None
    customer_id: CustomerId | None = None


class TicketHandoff(Data, kw_only=True):
    """A bot handed a ticket over to people."""

    TYPE: ClassVar[str] = "cx.ticket.handoff.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None


class TicketUpdated(TicketDimensions, kw_only=True):
    """Dimensions or the topic of a ticket changed. Those that are absent stay as they were."""

    TYPE: ClassVar[str] = "cx.ticket.updated.v1"

    ticket_id: TicketId
    customer_id: CustomerId | None = None


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
            Meta(
                title="InteractionOutcome",
                description="Handled by people, abandoned by the customer before that, or handled by a bot",
            ),
        ]
    ] = "handled"
    talk_s: Annotated[Seconds, Meta(description="Seconds of talking, rounded to whole milliseconds")]
    hold_s: Annotated[Seconds, Meta(description="Seconds on hold, rounded to whole milliseconds")]
    wrap_s: Annotated[Seconds, Meta(description="Seconds of wrap-up, rounded to whole milliseconds")]
    wait_s: (
        Annotated[
            Seconds,
            Meta(
                description="Seconds in the queue until answered or abandoned, rounded to whole milliseconds"
            ),
        ]
        | None
    ) = None
    legs: Defaulted[
        Annotated[
            int, Meta(ge=1, le=MAX_SAFE_INTEGER, description="Number of parts that different agents handled")
        ]
    ] = 1
    ticket_id: (
        Annotated[str, ident("The ticket. A handled interaction is an agent's contact of it")] | None
    ) = None
    revision: Defaulted[
        Annotated[
            Count, Meta(description="The highest revision of an interaction counts, of equal ones the newest")
        ]
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

    @property
    def wait_ms(self) -> int | None:
        """`wait_s` in whole milliseconds."""
        return None if self.wait_s is None else round(self.wait_s * 1000)


class TicketSummarized(Dimensions, kw_only=True):
    """A ticket as `cx.customers` needs it, with its dimensions at the solve. Workers write this event, apps do not."""

    TYPE: ClassVar[str] = "cx.ticket.summarized.v1"
    DIMENSIONS: ClassVar[tuple[str, ...]] = (*Dimensions.DIMENSIONS, "ticket_topic")

    ticket_id: Annotated[str, ident("The ticket, the owner if there is no customer")]
    customer_id: CustomerId | None = None
    number: Annotated[Count, Meta(description="The summary with the highest number replaces the others")]
    topic: Topic | None = None
    ticket_topic: Annotated[str, code("The topic at the solve")] | None = None
    created: Annotated[Time, Meta(description="Creation")] | None = None
    solved: Annotated[Time, Meta(description="First solve by people")] | None = None
    one_contact: Defaulted[
        Annotated[bool, Meta(description="true if that solve needed exactly one contact of an agent")]
    ] = False
    reopened: Annotated[Time, Meta(description="First reopening after that solve")] | None = None
    resolved: Defaulted[Annotated[bool, Meta(description="true while the ticket is resolved")]] = False
    first_response: (
        Annotated[
            Literal["in_time", "late"],
            Meta(
                title="FirstResponse",
                description="Whether the first response was within its target. Absent until there is one",
            ),
        ]
        | None
    ) = None
    present: (
        Annotated[
            dict[str, str], Meta(title="PresentDimensions", description="The present dimensions, by name")
        ]
        | None
    ) = None
    gone: Defaulted[
        Annotated[bool, Meta(description="true if it was merged, deleted, or moved to another customer")]
    ] = False

    def __post_init__(self) -> None:
        Dimensions.__post_init__(self)
        if self.topic is not None:
            self.topic = trimmed(self.topic, "topic")
        if self.one_contact is None:
            self.one_contact = False
        if self.resolved is None:
            self.resolved = False
        if self.gone is None:
            self.gone = False
