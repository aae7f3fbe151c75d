"""Lives of a customer. Activations and churns arrive in any order and are sorted by (time, ID). Only steps count."""

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.entity import (
    LIFECYCLE,
    Activated,
    Churned,
    Customer,
    LifeEvent,
    Scheduled,
)
from stream.core.model.aggregates.customers import ChurnedLayout, PeriodsLayout
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.model.time_buckets import MINUTE

MAX_OTHER_EVENTS = 16
"""Kept events between the steps. A late churn may begin the next life at one of them."""
MAX_FINISHED_PERIODS = 100
"""Finished lives that are kept event by event. Older ones are archived as counts."""
MAX_ARCHIVED_REASONS = 16
"""Reasons by which archived churns are counted."""


class Lifecycle(NamedTuple):
    """The steps into and out of being a customer, alternating."""

    starts: list[Activated]
    ends: list[Churned]
    ignored_churns: int
    """Churns while not active."""
    cancel_scheduled: bool
    """Active, and the last event is a scheduled cancellation."""

    @property
    def active(self) -> bool:
        """Return whether the last life has not ended."""
        return len(self.starts) > len(self.ends)


def replay(events: Sequence[LifeEvent]) -> Lifecycle:
    """Return the steps among sorted events."""
    starts: list[Activated] = []
    ends: list[Churned] = []
    active, ignored = False, 0
    for event in events:
        if isinstance(event, Activated):
            if not active:
                starts.append(event)
            active = True
        elif isinstance(event, Churned):
            if active:
                ends.append(event)
            else:
                ignored += 1
            active = False
    return Lifecycle(starts, ends, ignored, active and isinstance(events[-1], Scheduled))


def latest_activation(events: Sequence[LifeEvent]) -> Activated | None:
    """Return the last activation, which has plan, margin and dimensions. None if there is none."""
    for event in reversed(events):
        if isinstance(event, Activated):
            return event
    return None


def insert_event(customer: Customer, event: LifeEvent) -> bool:
    """Insert an event in order. Return False if its source and ID are known, or if its time is archived."""
    if customer.archived_until is not None and event.time <= customer.archived_until:
        return False
    for known in customer.life_events:
        if known.id == event.id and known.source == event.source:
            return False
    insort(customer.life_events, event, key=_sort_key)
    if len(customer.life_events) > MAX_OTHER_EVENTS:
        _prune(customer)
    return True


def _sort_key(event: LifeEvent) -> tuple[int, str, str]:
    return event.time, event.id, event.source


def _prune(customer: Customer) -> None:
    """Drop the oldest events that are no steps. Some sources activate every customer again each night."""
    events, lives = customer.life_events, replay(customer.life_events)
    needed = {*lives.starts, *lives.ends, events[-1], latest_activation(events)}
    between = [event for event in events if event not in needed]
    dropped = set(between[: max(0, len(between) - MAX_OTHER_EVENTS)])
    customer.ignored_churns += sum(isinstance(event, Churned) for event in dropped)
    customer.life_events = [event for event in events if event not in dropped]
    if len(lives.ends) > MAX_FINISHED_PERIODS:
        _archive_oldest(customer, lives)


def _archive_oldest(customer: Customer, lives: Lifecycle) -> None:
    """Archive the oldest life as counts, which are exact in every metric. Later events of its time are duplicates."""
    start, end = lives.starts[0], lives.ends[0]
    customer.archived_periods = {
        name: entries for name, entries in customer.archived_periods.items() if entries
    }
    reason = (
        end.reason
        if end.reason in customer.archived_periods or len(customer.archived_periods) <= MAX_ARCHIVED_REASONS
        else OTHER_VALUE
    )
    will = ChurnedLayout.VOLUNTARY if end.voluntary else ChurnedLayout.INVOLUNTARY
    for name, time, component in (
        (LIFECYCLE, start.time, PeriodsLayout.STARTS),
        (LIFECYCLE, end.time, PeriodsLayout.ENDS),
        (reason, end.time, will),
    ):
        into = customer.archived_periods.setdefault(name, {})
        rollup.add_vector(
            into, time // MINUTE, {component: 1}, customer.newest_minute, customer.retention_start
        )
    archived_count = customer.life_events.index(end) + 1
    customer.ignored_churns += replay(customer.life_events[:archived_count]).ignored_churns
    customer.life_events = customer.life_events[archived_count:]
    customer.archived_until = end.time


def forget(customer: Customer) -> None:
    """Reduce the events before the retention to those that the state after them needs.

    These are the start of a life that goes on, the last activation, the churn after it, and the last event. An event
    that arrives later and sorts between them leaves the present state as it is.
    """
    events = customer.life_events
    old = next(
        (i for i, event in enumerate(events) if not _is_expired(event, customer.retention_start)), len(events)
    )
    if not old:
        return
    lives = replay(events[:old])
    needed: set[LifeEvent | None] = {events[old - 1], latest_activation(events[:old])}
    if lives.active:
        needed.add(lives.starts[-1])
    else:
        needed.add(next((event for event in reversed(events[:old]) if isinstance(event, Churned)), None))
    kept = [event for event in events[:old] if event in needed]
    customer.ignored_churns += lives.ignored_churns - replay(kept).ignored_churns
    customer.life_events = kept + events[old:]


def _is_expired(event: LifeEvent, retention_start: int) -> bool:
    return event.record < retention_start and event.time // MINUTE < retention_start
