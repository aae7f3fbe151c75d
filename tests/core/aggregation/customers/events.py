"""Customer events for tests."""

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
    """Return an event, by default with the same record timestamp and an ID of its kind and time."""
    return Event(data, at, at if stamp is None else stamp, id or f"{data.TYPE}/{at}")


def activated(
    customer_id: str,
    at: int = NOW,
    stamp: int | None = None,
    id: str = "",  # noqa: A002
    **fields: Any,
) -> Event:
    return event(CustomerActivated(customer_id=customer_id, **fields), at, stamp, id)


def churned(customer_id: str, at: int = NOW, stamp: int | None = None, id: str = "", **fields: Any) -> Event:  # noqa: A002
    return event(CustomerChurned(customer_id=customer_id, **fields), at, stamp, id)


def notice(customer_id: str, at: int, effective: int) -> Event:
    return event(CancelScheduled(customer_id=customer_id, effective_at=from_ms(effective)), at)


def bought(
    customer_id: str, order: str, amount: int, at: int = NOW, stamp: int | None = None, currency: str = "EUR"
) -> Event:
    data = PurchaseCompleted(order_id=order, customer_id=customer_id, amount_minor=amount, currency=currency)
    return event(data, at, stamp)


def refunded(
    customer_id: str, refund: str, amount: int, at: int = NOW, stamp: int | None = None, currency: str = "EUR"
) -> Event:
    data = PurchaseRefunded(
        order_id="o", refund_id=refund, customer_id=customer_id, amount_minor=amount, currency=currency
    )
    return event(data, at, stamp)


REFERRALS = {"sent": ReferralSent, "converted": ReferralConverted, "reversed": ReferralReversed}


def referral(
    state: str, customer_id: str, referral_id: str, at: int = NOW, stamp: int | None = None
) -> Event:
    return event(
        REFERRALS[state](
            referral_id=referral_id, customer_id=customer_id, referee_id=f"friend of {customer_id}"
        ),
        at,
        stamp,
    )


def responded(customer_id: str, at: int = NOW) -> Event:
    return event(CustomerResponded(customer_id=customer_id), at)


def erased(customer_id: str, at: int = NOW) -> Event:
    return event(CustomerErased(customer_id=customer_id), at)


def counted(events: Iterable[Event], **rules: Any) -> PartitionTask:
    """Return a partition that processed these events and flushed once, after an audit of its panes."""
    partition = count(Customers(), events, **rules)
    assert list(pane_differences(partition)) == []
    return partition


def outcomes(partition: PartitionTask) -> dict[str, int]:
    return {outcome: n for outcome, n in partition.outcome_counts.items() if n}
