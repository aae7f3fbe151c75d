"""Aggregates: sums over the contributions of entities, and differences of contributions.

The vector of a cell is sparse, `{component: integer}`: counts, sums, buckets of a histogram. Every component can be
subtracted, so a contribution can be retracted exactly, in any order.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, NewType

Vector = dict[int, int]
"""Component to integer. Components are below `MAX_COMPONENTS`."""
AggregateName = NewType("AggregateName", str)
"""The name of a declared aggregate. The type checker refuses a bare string where a contribution is written."""
OwnLabels = tuple[str, ...]
"""Values of the labels that an aggregate has beside the dimensions (a survey, a reason, a currency)."""
VectorsByLabels = Mapping[OwnLabels, Mapping[int, int]]
"""The vectors of one aggregate for one label set, by own labels. Metrics read these."""

HISTOGRAM_SPAN = 4096
"""Components that a histogram takes from its base on: see `histogram`."""


class Layout:
    """Names of the components of an aggregate's vector. A subclass gives each name a number, which is stored.

    Public integer attributes are components. Those in `histograms` are the bases of distributions, which take
    `HISTOGRAM_SPAN` components each. Those in `pairs` take two (see `money.split`).

    Raises:
        ValueError: at import, when components overlap or are too large
    """

    histograms: tuple[int, ...] = ()
    pairs: tuple[int, ...] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        taken: dict[int, str] = {}
        for name, first in sorted(cls.components().items()):
            width = HISTOGRAM_SPAN if first in cls.histograms else 2 if first in cls.pairs else 1
            for component in range(first, first + width):
                if component in taken or not 0 <= component < MAX_COMPONENTS:
                    other = taken.get(component, f"the limit of {MAX_COMPONENTS}")
                    raise ValueError(f"{cls.__name__}.{name}: component {component} collides with {other}")
                taken[component] = name

    @classmethod
    def components(cls) -> dict[str, int]:
        """Return the components by name."""
        return {name: value for name, value in vars(cls).items() if name.isupper() and isinstance(value, int)}


class Aggregate(NamedTuple):
    """An accumulator of contributions, which has a vector for each cell: view, label values, own labels.

    A `flow` is summed over the buckets of a window. So is an `open_flow`, but its window has no upper end, so that
    contributions ahead of the clock cancel against a stock. A `due_flow` has contributions at moments that may lie hours
    ahead of the clock, and counts each from its minute on: see `windows.ranges`. A `stock` is one running total.
    `open_items` are kept by the minute in which each was opened, until they are zero.

    Attributes:
        name: the name in stored cells
        layout: the names of the components, shared by writers and readers
        lagged: also read by windows that end seven days and one bucket earlier
        entities_kept: how long the entities that contribute to it are kept: while their events can be `in_time`, until
            they are `closed` for the longest window plus eight days, `always`
        event_components: the components that count events. Label values are ranked by their sum
    """

    name: AggregateName
    layout: type[Layout] = Layout
    kind: Literal["flow", "open_flow", "due_flow", "stock", "open_items"] = "flow"
    lagged: bool = False
    entities_kept: Literal["in_time", "closed", "always"] = "in_time"
    event_components: tuple[int, ...] = (0,)


def by_name(aggregates: Iterable[Aggregate]) -> dict[str, Aggregate]:
    """Return aggregates by name. Raise ValueError when two that differ have one name."""
    known: dict[str, Aggregate] = {}
    for aggregate in aggregates:
        if known.setdefault(aggregate.name, aggregate) != aggregate:
            raise ValueError(
                f"aggregate {aggregate.name!r} is declared twice: {known[aggregate.name]} and {aggregate}"
            )
    return known


class Contribution(NamedTuple):
    """The vector that an entity adds to a base cell at a minute.

    `values` are dimension values, positional as in `AggregationConfig.projected_dimensions`. `minute` is a bucket
    number (milliseconds // 60,000), 0 for a stock.
    """

    aggregate: AggregateName
    values: tuple[str | None, ...]
    own_labels: OwnLabels
    minute: int
    vector: Vector


BaseCell = tuple[AggregateName, tuple[str | None, ...], OwnLabels]
"""Name of the aggregate, dimension values, own labels."""
COMPONENT_BITS = 16
"""A flat vector holds several vectors, each at a position: a minute, or a pane in its block.

A component of a position is at `position << COMPONENT_BITS | component`."""
MAX_COMPONENTS = 1 << COMPONENT_BITS
COMPONENT_MASK = MAX_COMPONENTS - 1
Deltas = dict[BaseCell, Vector]
"""The differences to add to base cells: minutes and components in one flat vector."""


def add(into: Vector, vector: Mapping[int, int], sign: int = 1) -> None:
    """Add `sign * vector` to `into`. Components that become 0 are removed."""
    for component, n in vector.items():
        total = into.get(component, 0) + sign * n
        if total:
            into[component] = total
        else:
            into.pop(component, None)


def accumulate(deltas: Deltas, contributions: Iterable[Contribution], sign: int = 1) -> None:
    """Add contributions to the deltas of their base cells. A `sign` of -1 retracts them."""
    for aggregate, values, own_labels, minute, vector in contributions:
        accumulate_one(deltas, (aggregate, values, own_labels), minute, vector, sign)


def accumulate_one(deltas: Deltas, base_cell: BaseCell, minute: int, vector: Vector, sign: int = 1) -> None:
    """Add one contribution to the deltas: `sign * vector` at a minute of a base cell."""
    first = minute << COMPONENT_BITS
    accumulate_vector(deltas, base_cell, {first | component: sign * n for component, n in vector.items()})


def accumulate_vector(deltas: Deltas, base_cell: BaseCell, vector: Vector) -> None:
    """Add a flat vector to the deltas of a base cell.

    The first vector of a cell is kept itself, not copied. The caller must not change it afterwards.
    """
    into = deltas.setdefault(base_cell, vector)
    if into is not vector:
        for position, n in vector.items():
            into[position] = into.get(position, 0) + n
