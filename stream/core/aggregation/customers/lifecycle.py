"""Lives of a customer: activations and churns in any order of arrival, sorted by (time, id); only steps count."""

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
"""Events between the steps that are kept: one that churns late may begin its next life at them."""
MAX_FINISHED_PERIODS = 100
"""Finished lives that are kept event by event; of one who comes and goes without end the oldest are only counted."""
MAX_ARCHIVED_REASONS = 16
"""Reasons that the counted lives are told apart by."""


class Lifecycle(NamedTuple):
    """The steps into and out of being a customer, in turn."""

    starts: list[Activated]
    ends: list[Churned]
    ignored_churns: int
    """Churns while not active."""
    cancel_scheduled: bool
    """Active, and the last event is a notice."""

    @property
    def active(self) -> bool:
        """Whether the last life goes on."""
        return len(self.starts) > len(self.ends)


def replay(log: Sequence[LifeEvent]) -> Lifecycle:
    """The steps in a sorted log."""
    starts: list[Activated] = []
    ends: list[Churned] = []
    active, ignored = False, 0
    for event in log:
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
    return Lifecycle(starts, ends, ignored, active and isinstance(log[-1], Scheduled))


def latest_activation(log: Sequence[LifeEvent]) -> Activated | None:
    """The event that says plan, margin and dimensions."""
    for event in reversed(log):
        if isinstance(event, Activated):
            return event
    return None


def insert_event(customer: Customer, event: LifeEvent) -> bool:
    """Put an event in its place; False when its source and id are known, or when what is as old is only counted."""
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
    """Drop the oldest events that are no steps, when a customer is activated anew every night, or minute."""
    log, lives = customer.life_events, replay(customer.life_events)
    needed = {*lives.starts, *lives.ends, log[-1], latest_activation(log)}
    between = [event for event in log if event not in needed]
    dropped = set(between[: max(0, len(between) - MAX_OTHER_EVENTS)])
    customer.ignored_churns += sum(isinstance(event, Churned) for event in dropped)
    customer.life_events = [event for event in log if event not in dropped]
    if len(lives.ends) > MAX_FINISHED_PERIODS:
        _archive_oldest(customer, lives)


def _archive_oldest(customer: Customer, lives: Lifecycle) -> None:
    """Keep the oldest life as numbers only, exact in every figure; what comes of its time later changes nothing."""
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
    gone = customer.life_events.index(end) + 1
    customer.ignored_churns += replay(customer.life_events[:gone]).ignored_churns
    customer.life_events = customer.life_events[gone:]
    customer.archived_until = end.time


def forget(customer: Customer) -> None:
    """Reduce what is older than the memory, up to the first event that is not, to what the state after it needs.

    That is: the start of a life that goes on, the last activation, the churn after it, the last event of all. An
    event that comes later still and sorts between them finds the present state as it is.
    """
    log = customer.life_events
    old = next(
        (i for i, event in enumerate(log) if not _is_expired(event, customer.retention_start)), len(log)
    )
    if not old:
        return
    lives = replay(log[:old])
    needed: set[LifeEvent | None] = {log[old - 1], latest_activation(log[:old])}
    if lives.active:
        needed.add(lives.starts[-1])
    else:
        needed.add(next((event for event in reversed(log[:old]) if isinstance(event, Churned)), None))
    kept = [event for event in log[:old] if event in needed]
    customer.ignored_churns += lives.ignored_churns - replay(kept).ignored_churns
    customer.life_events = kept + log[old:]


def _is_expired(event: LifeEvent, floor: int) -> bool:
    return event.record < floor and event.time // MINUTE < floor
