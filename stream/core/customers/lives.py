"""Lives of a customer: activations and churns in any order of arrival, sorted by (time, id); only steps count."""

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

from stream.core.buckets import MINUTE
from stream.core.customers import ledger
from stream.core.customers.facts import LIVES, Activated, Churned, Customer, LifeEvent, Scheduled
from stream.core.metrics.churn import INVOLUNTARY, VOLUNTARY
from stream.core.metrics.cohorts import ENDS, STARTS
from stream.core.rules import OTHER

MOST = 16
"""Events between the steps that are kept: one that churns late may begin its next life at them."""
FINISHED = 100
"""Finished lives that are kept event by event; of one who comes and goes without end the oldest are only counted."""
REASONS = 16
"""Reasons that the counted lives are told apart by."""


class Lives(NamedTuple):
    """The steps into and out of being a customer, in turn."""

    starts: list[Activated]
    ends: list[Churned]
    ignored: int
    """Churns while not active."""
    scheduled: bool
    """Active, and the last event is a notice."""

    @property
    def active(self) -> bool:
        """Whether the last life goes on."""
        return len(self.starts) > len(self.ends)


def walk(log: Sequence[LifeEvent]) -> Lives:
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
    return Lives(starts, ends, ignored, active and isinstance(log[-1], Scheduled))


def latest_activation(log: Sequence[LifeEvent]) -> Activated | None:
    """The event that says plan, margin and dimensions."""
    for event in reversed(log):
        if isinstance(event, Activated):
            return event
    return None


def enter(customer: Customer, event: LifeEvent) -> bool:
    """Put an event in its place; False when its source and id are known, or when what is as old is only counted."""
    if customer.counted is not None and event.time <= customer.counted:
        return False
    for known in customer.log:
        if known.id == event.id and known.source == event.source:
            return False
    insort(customer.log, event, key=_rank)
    if len(customer.log) > MOST:
        _thin(customer)
    return True


def _rank(event: LifeEvent) -> tuple[int, str, str]:
    return event.time, event.id, event.source


def _thin(customer: Customer) -> None:
    """Drop the oldest events that are no steps, when a customer is activated anew every night, or minute."""
    log, lives = customer.log, walk(customer.log)
    needed = {*lives.starts, *lives.ends, log[-1], latest_activation(log)}
    between = [event for event in log if event not in needed]
    dropped = set(between[: max(0, len(between) - MOST)])
    customer.ignored += sum(isinstance(event, Churned) for event in dropped)
    customer.log = [event for event in log if event not in dropped]
    if len(lives.ends) > FINISHED:
        _count(customer, lives)


def _count(customer: Customer, lives: Lives) -> None:
    """Keep the oldest life as numbers only, exact in every figure; what comes of its time later changes nothing."""
    start, end = lives.starts[0], lives.ends[0]
    customer.former = {name: entries for name, entries in customer.former.items() if entries}
    reason = end.reason if end.reason in customer.former or len(customer.former) <= REASONS else OTHER
    will = VOLUNTARY if end.voluntary else INVOLUNTARY
    for name, time, component in (
        (LIVES, start.time, STARTS),
        (LIVES, end.time, ENDS),
        (reason, end.time, will),
    ):
        into = customer.former.setdefault(name, {})
        ledger.enter(into, time // MINUTE, {component: 1}, customer.seen, customer.floor)
    gone = customer.log.index(end) + 1
    customer.ignored += walk(customer.log[:gone]).ignored
    customer.log = customer.log[gone:]
    customer.counted = end.time


def forget(customer: Customer) -> None:
    """Reduce what is older than the memory, up to the first event that is not, to what the state after it needs.

    That is: the start of a life that goes on, the last activation, the churn after it, the last event of all. An
    event that comes later still and sorts between them finds the present state as it is.
    """
    log = customer.log
    old = next((i for i, event in enumerate(log) if not _past(event, customer.floor)), len(log))
    if not old:
        return
    lives = walk(log[:old])
    needed: set[LifeEvent | None] = {log[old - 1], latest_activation(log[:old])}
    if lives.active:
        needed.add(lives.starts[-1])
    else:
        needed.add(next((event for event in reversed(log[:old]) if isinstance(event, Churned)), None))
    kept = [event for event in log[:old] if event in needed]
    customer.ignored += lives.ignored - walk(kept).ignored
    customer.log = kept + log[old:]


def _past(event: LifeEvent, floor: int) -> bool:
    return event.record < floor and event.time // MINUTE < floor
