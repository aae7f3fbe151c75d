"""Data of the events of `cx.customers` (life cycle, purchases, referrals), and of the erasure, sent on every topic."""

from typing import Annotated, ClassVar

from msgspec import Meta

from .currencies import EXPONENTS
from .dimensions import Dimensions
from .fields import Count, Data, Defaulted, code, field_error, ident, trimmed
from .times import Time, to_ms

CustomerId = Annotated[str, ident("The customer")]
Reason = Annotated[str, code("Reason code")]
Voluntary = Defaulted[
    Annotated[bool, Meta(description="false if the customer did not want it, as after a failed card payment")]
]
Amount = Annotated[Count, Meta(description="In minor units of the currency (cents)")]
Currency = Annotated[
    str,
    Meta(
        title="Currency",
        description="ISO 4217 code of a currency that has decimals",
        extra_json_schema={"enum": list(EXPONENTS)},
    ),
]


def _check_currency(currency: str) -> None:
    if currency not in EXPONENTS:
        raise field_error("currency", "an ISO 4217 code of a currency that has decimals", currency)


class CustomerAttributes(Dimensions, kw_only=True):
    """Plan, margin and dimensions of a customer."""

    DIMENSIONS: ClassVar[tuple[str, ...]] = (*Dimensions.DIMENSIONS, "plan")

    customer_id: CustomerId
    plan: Annotated[str, code("The plan, which is a dimension, too")] | None = None
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


class CustomerActivated(CustomerAttributes, kw_only=True):
    """A customer signed up, came back or changed plan. Existing customers are loaded with it, too."""

    TYPE: ClassVar[str] = "cx.customer.activated.v1"


class CustomerUpdated(CustomerAttributes, kw_only=True):
    """Plan, margin or dimensions of a customer changed. Those that are absent stay as they were."""

    TYPE: ClassVar[str] = "cx.customer.updated.v1"


class CancelScheduled(Data, kw_only=True):
    """A customer scheduled a cancellation. It never counts as a churn by itself."""

    TYPE: ClassVar[str] = "cx.customer.cancel_scheduled.v1"

    customer_id: CustomerId
    effective_at: Annotated[Time, Meta(description="When the subscription ends. No metric reads it")]
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


class CancelWithdrawn(Data, kw_only=True):
    """A customer took a scheduled cancellation back. Nothing else changes."""

    TYPE: ClassVar[str] = "cx.customer.cancel_withdrawn.v1"

    customer_id: CustomerId


class CustomerChurned(Data, kw_only=True):
    """A customer's subscription ended."""

    TYPE: ClassVar[str] = "cx.customer.churned.v1"

    customer_id: CustomerId
    reason: Reason | None = None
    voluntary: Voluntary = True
    comment: Annotated[str, Meta(description="Free text. No metric reads it")] | None = None

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

    def __post_init__(self) -> None:
        _check_currency(self.currency)


class PurchaseRefunded(Data, kw_only=True):
    """An order was paid back, wholly or in part."""

    TYPE: ClassVar[str] = "cx.purchase.refunded.v1"

    order_id: Annotated[str, ident("The order")]
    refund_id: Annotated[str, ident("This refund")]
    customer_id: CustomerId
    amount_minor: Amount
    currency: Currency

    def __post_init__(self) -> None:
        _check_currency(self.currency)


class Referral(Data, kw_only=True):
    """The fields that the three events of a referral have in common."""

    referral_id: Annotated[str, ident("The referral")]
    customer_id: Annotated[str, ident("The referrer")]
    referee_id: Annotated[str, ident("The referred person, another than the referrer")]

    def __post_init__(self) -> None:
        if self.referee_id == self.customer_id:
            raise field_error("referee_id", "another person than customer_id", self.referee_id)


class ReferralSent(Referral, kw_only=True):
    """A customer referred another person."""

    TYPE: ClassVar[str] = "cx.referral.sent.v1"


class ReferralConverted(Referral, kw_only=True):
    """The referred person became a customer."""

    TYPE: ClassVar[str] = "cx.referral.converted.v1"


class ReferralReversed(Referral, kw_only=True):
    """A conversion was reversed."""

    TYPE: ClassVar[str] = "cx.referral.reversed.v1"


class CustomerResponded(Data, kw_only=True):
    """A customer responded to a survey for the first time. Workers write this event, apps do not."""

    TYPE: ClassVar[str] = "cx.customer.responded.v1"

    customer_id: CustomerId


class CustomerErased(Data, kw_only=True):
    """Everything kept about a person is deleted. The event belongs on all three topics, and publishers send it on each."""

    TYPE: ClassVar[str] = "cx.customer.erased.v1"

    customer_id: Annotated[str, ident("The person")]
