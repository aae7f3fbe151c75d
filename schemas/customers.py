"""Data of the events of `cx.customers` (life cycle, purchases, referrals), and of the erasure, sent on every topic."""

from typing import Annotated, ClassVar

from msgspec import Meta

from .dimensions import Dimensions
from .fields import Count, Data, Defaulted, code, field_error, ident, trimmed
from .times import Time, to_ms

CustomerId = Annotated[str, ident("Who it is: the record's key, always")]
Reason = Annotated[str, code("Why, as a code")]
Voluntary = Defaulted[
    Annotated[
        bool, Meta(description="false: not the customer's will (a card that failed); true unless given")
    ]
]
Amount = Annotated[Count, Meta(description="In minor units of the currency (cents)")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217 code")]


class CustomerActivated(Dimensions, kw_only=True):
    """Someone became a customer, came back, or changed plan; also the way to load the present base."""

    TYPE: ClassVar[str] = "cx.customer.activated.v1"

    customer_id: CustomerId
    plan: Annotated[str, ident("What they pay for")] | None = None
    margin_rate: (
        Annotated[
            float, Meta(ge=0, le=1, description="Share of revenue that is margin, in steps of 1/10,000")
        ]
        | None
    ) = None

    @property
    def margin_bp(self) -> int | None:
        """`margin_rate` in basis points (1/10,000), rounded."""
        return None if self.margin_rate is None else round(self.margin_rate * 10_000)


class CancelScheduled(Data, kw_only=True):
    """A customer gave notice. This never churns by itself."""

    TYPE: ClassVar[str] = "cx.customer.cancel_scheduled.v1"

    customer_id: CustomerId
    effective_at: Time
    reason: Reason | None = None
    voluntary: Voluntary = True

    def __post_init__(self) -> None:
        if self.reason is not None:
            self.reason = trimmed(self.reason, "reason")
        if self.voluntary is None:
            self.voluntary = True

    @property
    def effective_ms(self) -> int:
        """`effective_at` in ms since the epoch."""
        return to_ms(self.effective_at)


class CustomerChurned(Data, kw_only=True):
    """A customer is none any more."""

    TYPE: ClassVar[str] = "cx.customer.churned.v1"

    customer_id: CustomerId
    reason: Reason | None = None
    voluntary: Voluntary = True
    comment: str | None = None

    def __post_init__(self) -> None:
        if self.reason is not None:
            self.reason = trimmed(self.reason, "reason")
        if self.voluntary is None:
            self.voluntary = True


class PurchaseCompleted(Data, kw_only=True):
    """An order was paid."""

    TYPE: ClassVar[str] = "cx.purchase.completed.v1"

    order_id: Annotated[str, ident("The order")]
    customer_id: CustomerId
    amount_minor: Amount
    currency: Currency


class PurchaseRefunded(Data, kw_only=True):
    """An order was paid back, wholly or in part."""

    TYPE: ClassVar[str] = "cx.purchase.refunded.v1"

    order_id: Annotated[str, ident("The order")]
    refund_id: Annotated[str, ident("This refund")]
    customer_id: CustomerId
    amount_minor: Amount
    currency: Currency


class Referral(Data, kw_only=True):
    """What the three events of a referral have in common."""

    referral_id: Annotated[str, ident("The referral")]
    customer_id: Annotated[str, ident("The referrer: the record's key, always")]
    referee_id: Annotated[str, ident("Who was referred: another person")]

    def __post_init__(self) -> None:
        if self.referee_id == self.customer_id:
            raise field_error("referee_id", "another person than customer_id", self.referee_id)


class ReferralSent(Referral, kw_only=True):
    """A customer recommended us to someone."""

    TYPE: ClassVar[str] = "cx.referral.sent.v1"


class ReferralConverted(Referral, kw_only=True):
    """The one who was referred became a customer."""

    TYPE: ClassVar[str] = "cx.referral.converted.v1"


class ReferralReversed(Referral, kw_only=True):
    """A conversion was taken back."""

    TYPE: ClassVar[str] = "cx.referral.reversed.v1"


class CustomerResponded(Data, kw_only=True):
    """A customer gave a first answer to a survey. Written by the feedback agent, not by applications."""

    TYPE: ClassVar[str] = "cx.customer.responded.v1"

    customer_id: CustomerId


class CustomerErased(Data, kw_only=True):
    """Everything kept about a person goes. Native to all three topics; publishers send it on each."""

    TYPE: ClassVar[str] = "cx.customer.erased.v1"

    customer_id: CustomerId
