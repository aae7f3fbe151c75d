"""Customer events for tests, named by what they say."""

from collections.abc import Iterable
from typing import Any

from schemas.customers import (
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
from schemas.fields import Data
from schemas.times import from_ms
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from tests.support import NOW, Event, count


def event(data: Data, at: int, stamp: int | None = None, id: str = "") -> Event:  # noqa: A002
    """An event whose record is of the same time, and whose id is unlike that of another kind or time."""
    return Event(data, at, at if stamp is None else stamp, id or f"{data.TYPE}/{at}")


def activated(who: str, at: int = NOW, stamp: int | None = None, id: str = "", **more: Any) -> Event:  # noqa: A002
    return event(CustomerActivated(customer_id=who, **more), at, stamp, id)


def churned(who: str, at: int = NOW, stamp: int | None = None, id: str = "", **more: Any) -> Event:  # noqa: A002
    return event(CustomerChurned(customer_id=who, **more), at, stamp, id)


def notice(who: str, at: int, effective: int) -> Event:
    return event(CancelScheduled(customer_id=who, effective_at=from_ms(effective)), at)


def bought(
    who: str, order: str, amount: int, at: int = NOW, stamp: int | None = None, currency: str = "EUR"
) -> Event:
    data = PurchaseCompleted(order_id=order, customer_id=who, amount_minor=amount, currency=currency)
    return event(data, at, stamp)


def refunded(
    who: str, refund: str, amount: int, at: int = NOW, stamp: int | None = None, currency: str = "EUR"
) -> Event:
    data = PurchaseRefunded(
        order_id="o", refund_id=refund, customer_id=who, amount_minor=amount, currency=currency
    )
    return event(data, at, stamp)


REFERRALS = {"sent": ReferralSent, "converted": ReferralConverted, "reversed": ReferralReversed}


def referral(state: str, who: str, referral_id: str, at: int = NOW, stamp: int | None = None) -> Event:
    return event(
        REFERRALS[state](referral_id=referral_id, customer_id=who, referee_id=f"friend of {who}"), at, stamp
    )


def responded(who: str, at: int = NOW) -> Event:
    return event(CustomerResponded(customer_id=who), at)


def erased(who: str, at: int = NOW) -> Event:
    return event(CustomerErased(customer_id=who), at)


def counted(events: Iterable[Event], **rules: Any) -> PartitionTask:
    """A partition that has counted these events and flushed once, and whose panes are what they should be."""
    partition = count(Customers(), events, **rules)
    assert list(pane_differences(partition)) == []
    return partition


def outcomes(partition: PartitionTask) -> dict[str, int]:
    return {outcome: n for outcome, n in partition.outcome_counts.items() if n}
