"""Lives of a customer. Their events arrive in any order. Only steps count: into being a customer, and out of it.

Events are sorted by moment, and at one moment by what they are: activations, churn, notice, withdrawal, updates. So the
activation of somebody new comes before the churn of the same moment, which ends a life of no length. If the customer was
active before the moment, the two are a switch of plan: the churn is in no figure, and the life goes on.

Limits: of a customer all steps of the retention are kept, of each life the notice that stands and the last event that
withdrew others, 100 switches, and 16 other events. The state is exact whatever arrives late, and so is what a late notice
changes, unless it belongs to a moment whose events were dropped. A late churn, activation or withdrawal between dropped
events meets only what is kept. A dropped event that is delivered again meets nothing known. Past 100 finished lives the
oldest are counts, and late events of their time are duplicates.
"""

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.attributes import deciding_updates, latest_activation
from stream.core.aggregation.customers.entity import (
    LIFECYCLE,
    Activated,
    Churned,
    Customer,
    LifeEvent,
    Scheduled,
    Updated,
    Withdrawn,
)
from stream.core.aggregation.customers.life_facts import Fact, archive_key, joins_of
from stream.core.model.aggregates.customers import (
    LEAVING,
    ChurnedLayout,
    ChurnIgnoredLayout,
    LeavingLayout,
    PeriodsLayout,
)
from stream.core.model.aggregates.joined import CHURN_EXIT_REASONS
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.model.time_buckets import MINUTE

MAX_OTHER_EVENTS = 16
"""Kept events that are no steps and decide nothing. A late churn may begin the next life at one of them."""
MAX_FINISHED_PERIODS = 100
"""Finished lives that are kept event by event. Older ones are archived as counts."""
MAX_SWITCHES = 100
"""Switches of plan that are kept. A dropped one that is delivered again piece by piece could end the life."""
MAX_ARCHIVED_REASONS = 16
"""Reasons by which archived churns are counted."""
MAX_ARCHIVED_FACTS = 32
"""Classes and exit reasons by which archived lives are counted."""

_RANKS: dict[type[LifeEvent], int] = {Activated: 0, Churned: 1, Scheduled: 2, Withdrawn: 3, Updated: 4}


class Lifecycle(NamedTuple):
    """The steps into and out of being a customer, alternating."""

    starts: list[Activated]
    ends: list[Churned]
    ignored_churns: list[Churned]
    """Churns while not active."""
    switches: list[Churned]
    """Churns that are part of a switch of plan."""
    notices: list[Scheduled | None]
    """For each start, the notice that stands at the end of the life, or now: the first one since its start, its last
    activation or withdrawal. None if there is none."""
    resets: list[LifeEvent]
    """For each start, the last event of the life that withdrew its notices: the start, an activation, a withdrawal."""

    @property
    def active(self) -> bool:
        """Return whether the last life has not ended."""
        return len(self.starts) > len(self.ends)

    @property
    def cancel_scheduled(self) -> bool:
        """Return whether the customer is active and gave a notice that stands."""
        return self.active and self.notices[-1] is not None

    def decision(self, life: int) -> int | None:
        """Return when the decision to leave was made in a life, by its number, in ms. None if there was none."""
        if (notice := self.notices[life]) is not None:
            return notice.time
        if life < len(self.ends) and self.ends[life].voluntary:
            return self.ends[life].time
        return None


def event_order(event: LifeEvent) -> tuple[int, int, str, bytes]:
    """Return the sort key of an event: time, what it is, ID, content."""
    return event.time, _RANKS[type(event)], event.id, _content(event)


def _content(event: LifeEvent) -> bytes:
    return event.content if isinstance(event, Activated | Updated) else b""


def replay(events: Sequence[LifeEvent]) -> Lifecycle:
    """Return the steps among sorted events."""
    starts: list[Activated] = []
    ends: list[Churned] = []
    ignored: list[Churned] = []
    switches: list[Churned] = []
    notices: list[Scheduled | None] = []
    resets: list[LifeEvent] = []
    activated_at: int | None = None
    for event in events:
        if isinstance(event, Activated):
            activated_at = event.time
            if len(starts) == len(ends):
                starts.append(event)
                notices.append(None)
                resets.append(event)
            notices[-1], resets[-1] = None, event
        elif isinstance(event, Churned):
            if len(starts) == len(ends):
                ignored.append(event)
            elif activated_at != event.time or starts[-1].time == event.time:
                ends.append(event)
            else:
                switches.append(event)
        elif len(starts) > len(ends):
            if isinstance(event, Withdrawn):
                notices[-1], resets[-1] = None, event
            elif isinstance(event, Scheduled):
                notices[-1] = notices[-1] or event
    return Lifecycle(starts, ends, ignored, switches, notices, resets)


def _last_but_updates(events: Sequence[LifeEvent]) -> LifeEvent | None:
    return next((event for event in reversed(events) if not isinstance(event, Updated)), None)


def insert_event(customer: Customer, event: LifeEvent) -> bool:
    """Insert an event in order. Return False if its natural key is known, or if its time is archived.

    The natural key is type and time, of activations and updates also the content.
    """
    if customer.archived_until is not None and event.time <= customer.archived_until:
        return False
    for known in customer.life_events:
        if known.time == event.time and type(known) is type(event) and _content(known) == _content(event):
            return False
    insort(customer.life_events, event, key=event_order)
    if len(customer.life_events) > MAX_OTHER_EVENTS:
        _prune(customer)
    return True


def deciding_events(events: Sequence[LifeEvent], lives: Lifecycle) -> set[LifeEvent]:
    """Return the events that the present state needs, also after a late event at any other moment.

    After a moment with an activation the customer is active, after one with a churn not. A moment with both leaves it as
    it is. So the last moment with only one of the two decides, beside the start of the present life or the end of the
    last one. The last activation keeps the churn of its moment. Of notices only the last event matters.
    """
    needed: set[LifeEvent] = set(deciding_updates(events))
    activations = {event.time for event in events if isinstance(event, Activated)}
    churns = {event.time: event for event in events if isinstance(event, Churned)}
    for event in reversed(events):
        if isinstance(event, Activated | Churned) and not (
            event.time in activations and event.time in churns
        ):
            needed.add(event)
            break
    if (last := _last_but_updates(events)) is not None:
        needed.add(last)
    if (activation := latest_activation(events)) is not None:
        needed.add(activation)
        if (churn := churns.get(activation.time)) is not None:
            needed.add(churn)
    if lives.active:
        needed.add(lives.starts[-1])
    elif lives.ends:
        needed.add(lives.ends[-1])
    return needed


def _prune(customer: Customer) -> None:
    """Drop the oldest events that are no steps and decide nothing, by whole moments.

    Some sources activate every customer again each night. The churn of a switch goes together with its activations,
    because it would end the life without them.
    """
    events, lives = customer.life_events, replay(customer.life_events)
    activations = {event.time: event for event in events if isinstance(event, Activated)}
    notices = filter(None, lives.notices)
    needed = {*lives.starts, *lives.ends, *notices, *lives.resets, *deciding_events(events, lives)}
    for churn in lives.switches[-MAX_SWITCHES:]:
        needed |= {churn, activations[churn.time]}
    between = [event for event in events if event not in needed]
    if (excess := len(between) - MAX_OTHER_EVENTS) > 0:
        newest = between[excess - 1].time
        dropped = {event for event in between if event.time <= newest}
        _archive_ignored(customer, [event for event in lives.ignored_churns if event in dropped])
        customer.life_events = [event for event in events if event not in dropped]
    if len(lives.ends) > MAX_FINISHED_PERIODS:
        _archive_oldest(customer, lives)


def _archive_ignored(customer: Customer, churns: Sequence[Churned]) -> None:
    for event in churns:
        rollup.add_vector(
            customer.ignored_churns,
            event.time // MINUTE,
            {ChurnIgnoredLayout.CHURNS: 1},
            customer.newest_minute,
            customer.retention_start,
        )


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
    for fact in joins_of(customer).facts(start.time, end.time):
        _archive_fact(customer, fact)
    if (decided := lives.decision(0)) is not None:
        _archive_fact(customer, Fact(LEAVING.name, (), decided, LeavingLayout.CUSTOMERS))
    archived_count = customer.life_events.index(end) + 1
    archived, customer.life_events = (
        customer.life_events[:archived_count],
        customer.life_events[archived_count:],
    )
    _archive_ignored(customer, replay(archived).ignored_churns)
    customer.archived_until = end.time


def _archive_fact(customer: Customer, fact: Fact) -> None:
    key = archive_key(fact)
    if (
        fact.aggregate == CHURN_EXIT_REASONS.name
        and key not in customer.archived_facts
        and len(customer.archived_facts) >= MAX_ARCHIVED_FACTS
    ):
        key = archive_key(fact._replace(own_labels=(OTHER_VALUE,)))
    into = customer.archived_facts.setdefault(key, {})
    rollup.add_vector(
        into, fact.time // MINUTE, {fact.component: 1}, customer.newest_minute, customer.retention_start
    )


def forget(customer: Customer) -> None:
    """Reduce the events before the retention to those that decide the state after them.

    No pane holds the minutes of the others. See `deciding_events`.
    """
    events = customer.life_events
    old = next(
        (i for i, event in enumerate(events) if not _is_expired(event, customer.retention_start)), len(events)
    )
    if old:
        needed = deciding_events(events[:old], replay(events[:old]))
        customer.life_events = [event for event in events[:old] if event in needed] + events[old:]


def _is_expired(event: LifeEvent, retention_start: int) -> bool:
    return event.judged < retention_start and event.time // MINUTE < retention_start
