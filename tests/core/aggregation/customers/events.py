"""Customer events for tests."""

from collections.abc import Iterable
from typing import Any

from schemas.customers import (
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
from schemas.feedback import AnswerSummarized
from schemas.fields import Data
from schemas.tickets import TicketSummarized
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


def updated(customer_id: str, at: int = NOW, stamp: int | None = None, id: str = "", **fields: Any) -> Event:  # noqa: A002
    return event(CustomerUpdated(customer_id=customer_id, **fields), at, stamp, id)


def churned(customer_id: str, at: int = NOW, stamp: int | None = None, id: str = "", **fields: Any) -> Event:  # noqa: A002
    return event(CustomerChurned(customer_id=customer_id, **fields), at, stamp, id)


def notice(customer_id: str, at: int, effective: int | None = None) -> Event:
    effective_at = from_ms(at if effective is None else effective)
    return event(CancelScheduled(customer_id=customer_id, effective_at=effective_at), at)


def withdrawn(customer_id: str, at: int) -> Event:
    return event(CancelWithdrawn(customer_id=customer_id), at)


def summarized(
    ticket_id: str = "t",
    customer_id: str | None = "a",
    number: int = 0,
    at: int = NOW,
    stamp: int | None = None,
    **fields: Any,
) -> Event:
    """Return a summary. The times among `fields` are in ms."""
    times = {
        name: from_ms(fields.pop(name)) for name in ("created", "solved", "reopened") if fields.get(name)
    }
    data = TicketSummarized(ticket_id=ticket_id, customer_id=customer_id, number=number, **times, **fields)
    return event(data, at, stamp, f"{number}/{ticket_id}")


def solved(ticket_id: str = "t", at: int = NOW, created: int | None = None, **fields: Any) -> Event:
    """Return the summary of a ticket that is solved at `at` ms with one contact, by default an hour after its creation."""
    opened = at - 3_600_000 if created is None else created
    return summarized(
        ticket_id, at=at, **{"created": opened, "solved": at, "one_contact": True, "resolved": True, **fields}
    )


def opened(ticket_id: str, at: int, **fields: Any) -> Event:
    """Return the summary of a ticket that is created at `at` ms, and open."""
    return summarized(ticket_id, at=at, created=at, **fields)


def joined(customer_id: str, feedback_id: str, survey: str, at: int = NOW, **fields: Any) -> Event:
    """Return the summary of an answer that counts."""
    fields = {"number": 1, "counts": True, "moment": from_ms(at), **fields}
    return event(
        AnswerSummarized(customer_id=customer_id, feedback_id=feedback_id, survey=survey, **fields), at
    )


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
