"""Contributions of a ticket, as a pure function of the entity."""

from collections import defaultdict

from stream.core.aggregation.entity_store import project_dimensions
from stream.core.aggregation.tickets.attributes import Attributes
from stream.core.aggregation.tickets.entity import Solver, Ticket
from stream.core.aggregation.tickets.fate import fate
from stream.core.aggregation.tickets.history import History, Interval, Solve
from stream.core.aggregation.tickets.response import judge, overdue_from, target_of
from stream.core.model.aggregate import (
    COMPONENT_BITS,
    COMPONENT_MASK,
    Aggregate,
    BaseCell,
    Contribution,
    Deltas,
    OwnLabels,
    Vector,
    add,
)
from stream.core.model.aggregates.tickets import (
    AWAITING_REPLY,
    BUSINESS,
    CYCLES_DUE,
    FIRST_RESPONSE,
    HANDOFF,
    INFLOW,
    NEXT_RESPONSE,
    OPEN_TICKETS,
    ORPHANS,
    RESOLUTION,
    STATUS_WAIT,
    UNASSISTED,
    WAITING,
    BusinessLayout,
    CyclesDueLayout,
    HandoffLayout,
    InflowLayout,
    NextResponseLayout,
    OpenItemsLayout,
    OrphansLayout,
    ResolutionLayout,
    ResponseTimeLayout,
    StatusWaitLayout,
    UnassistedLayout,
    WaitingLayout,
)
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.histogram import record
from stream.core.model.money import split
from stream.core.model.time_buckets import MINUTE

_UNASSISTED = {Solver.BOT: UnassistedLayout.BY_BOT, Solver.TIMEOUT: UnassistedLayout.BY_TIMEOUT}


def derive(
    ticket: Ticket,
    history: History | None,
    attributes: Attributes | None,
    config: AggregationConfig,
    into: Deltas,
    sign: int = 1,
) -> None:
    """Add the contributions of a ticket to the deltas of their base cells. A `sign` of -1 retracts them.

    `history` and `attributes` are those of the ticket, None if it was never created or was removed.
    """
    derived = _Contributions(config, into, sign)
    if history is None or attributes is None:
        if ticket.is_orphan:
            derived.count(ORPHANS, (), 0, OrphansLayout.TICKETS)
        return
    created = history.created
    derived.count(INFLOW, attributes.at_creation, created, InflowLayout.TICKETS, (history.opened_by,))
    for response in history.responses:
        _add_response(derived, response, attributes.at(response[1]))
    for cycle in history.contact_cycles:
        if (known := fate(cycle, attributes, config)) is not None:
            component = CyclesDueLayout.OVERDUE if known.overdue else CyclesDueLayout.IN_TIME
            derived.count(CYCLES_DUE, known.values, known.at, component)
    for aggregate, base, intervals in (
        (NEXT_RESPONSE, NextResponseLayout.RESPONSES, history.next_responses),
        (HANDOFF, HandoffLayout.RESPONSES, history.handoffs),
    ):
        for opened, reply in intervals:
            derived.record(aggregate, attributes.at(reply), reply, base, reply - opened)
    _add_solves(derived, history, attributes)
    for at in history.reopenings:
        derived.count(RESOLUTION, attributes.at(at), at, ResolutionLayout.REOPENINGS)
    if not history.resolved:
        _add_stocks(derived, history, attributes.present)


def as_contributions(cells: Deltas) -> tuple[Contribution, ...]:
    """Return contributions as the engine reads them, one for each base cell and minute."""
    vectors: defaultdict[tuple[BaseCell, int], Vector] = defaultdict(dict)
    for cell, flat in cells.items():
        for position, n in flat.items():
            vectors[cell, position >> COMPONENT_BITS][position & COMPONENT_MASK] = n
    return tuple([Contribution(*cell, minute, vector) for (cell, minute), vector in vectors.items()])


class _Contributions:
    """The contributions of one ticket. Times in ms; `values` are dimension values as stored."""

    def __init__(self, config: AggregationConfig, into: Deltas, sign: int) -> None:
        self.config = config
        self._into = into
        self._sign = sign
        self._values: DimensionValues | None = None
        self._projected: DimensionValues = ()
        """The projection of `_values`, because most figures of a ticket carry the same values."""

    def vector(self, aggregate: Aggregate, values: DimensionValues, own_labels: OwnLabels = ()) -> Vector:
        """Return the flat vector of a base cell."""
        if values is not self._values:
            self._values, self._projected = values, project_dimensions(values, self.config)
        cell = (aggregate.name, self._projected, own_labels)
        vector = self._into.get(cell)
        if vector is None:
            vector = self._into[cell] = {}
        return vector

    def count(
        self,
        aggregate: Aggregate,
        values: DimensionValues,
        at: int,
        component: int,
        own_labels: OwnLabels = (),
    ) -> None:
        """Add 1 to a component at a time."""
        into, position = self.vector(aggregate, values, own_labels), _position(at, component)
        into[position] = into.get(position, 0) + self._sign

    def record(
        self, aggregate: Aggregate, values: DimensionValues, at: int, base: int, duration: int
    ) -> None:
        """Add a duration in ms to the histogram at `base`, at a time."""
        record(self.vector(aggregate, values), _position(at, base), duration, self._sign)

    def sum(self, aggregate: Aggregate, values: DimensionValues, at: int, base: int, duration: int) -> None:
        """Add a duration in ms to the sum at `base`, at a time."""
        if duration:
            add(self.vector(aggregate, values), split(duration, _position(at, base)), self._sign)


def _position(at: int, component: int) -> int:
    """Return the position of a component at the minute of a time in ms."""
    return at // MINUTE << COMPONENT_BITS | component


def _add_response(derived: _Contributions, response: Interval, values: DimensionValues) -> None:
    at, judged = response[1], judge(response, values, derived.config)
    derived.record(FIRST_RESPONSE, values, at, ResponseTimeLayout.RESPONSES, judged.elapsed)
    if judged.late:
        derived.count(FIRST_RESPONSE, values, at, ResponseTimeLayout.LATE)
    if judged.worked is not None:
        derived.record(BUSINESS, values, at, BusinessLayout.RESPONSES, judged.worked)
        if judged.late_in_business:
            derived.count(BUSINESS, values, at, BusinessLayout.LATE)


def _stages(history: History) -> list[tuple[int, Solve]]:
    """Return the solves that have a resolution time, each with the first component of its distribution."""
    first, last = history.solves[0], history.solves[-1]
    if not history.resolved:
        return [(ResolutionLayout.FIRST, first)]
    if first is last:
        return [(ResolutionLayout.ONCE, first)]
    return [(ResolutionLayout.FIRST, first), (ResolutionLayout.FULL, last)]


def _add_solves(derived: _Contributions, history: History, attributes: Attributes) -> None:
    if not history.solves:
        return
    for base, solve in _stages(history):
        values = attributes.at(solve.time)
        derived.record(RESOLUTION, values, solve.time, base, solve.time - history.created)
        _, hours = target_of(values, derived.config)
        if hours is not None:
            worked = hours.between(history.created, solve.time)
            derived.record(BUSINESS, values, solve.time, base, worked)
    for solve in history.unanswered_solves:
        derived.count(FIRST_RESPONSE, attributes.at(solve.time), solve.time, ResponseTimeLayout.UNANSWERED)
    first = history.solves[0]
    if (by := _UNASSISTED.get(first.by)) is not None:
        derived.count(UNASSISTED, attributes.at(first.time), first.time, by)
    if history.resolved:
        _add_waits(derived, history, attributes)


def _add_waits(derived: _Contributions, history: History, attributes: Attributes) -> None:
    at, waits = history.solves[-1].time, history.waits
    values = attributes.at(at)
    derived.record(STATUS_WAIT, values, at, StatusWaitLayout.REQUESTER, waits.requester)
    derived.sum(STATUS_WAIT, values, at, StatusWaitLayout.AGENT, waits.agent)
    derived.sum(STATUS_WAIT, values, at, StatusWaitLayout.ON_HOLD, waits.on_hold)


def _add_stocks(derived: _Contributions, history: History, values: DimensionValues) -> None:
    derived.count(OPEN_TICKETS, values, history.created, OpenItemsLayout.TICKETS)
    if (opened := history.open_cycle) is not None:
        derived.count(AWAITING_REPLY, values, opened, OpenItemsLayout.TICKETS)
    if (opened := history.contact_cycle) is not None:
        derived.count(WAITING, values, opened, WaitingLayout.OPENED)
        if (over := overdue_from(opened, values, derived.config)) is not None:
            derived.count(WAITING, values, over + MINUTE - 1, WaitingLayout.DUE)
