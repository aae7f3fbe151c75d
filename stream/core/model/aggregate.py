"""What is added up: contributions of entities to cells, and their difference.

A cell's vector is sparse, `{component: integer}`: counts, sums, buckets of a histogram. Everything subtracts,
so what an entity contributed can be taken back exactly, in any order.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Vector = dict[int, int]
"""Component to integer; components are below `COMPONENTS`."""
OwnLabels = tuple[str, ...]
"""Values of the labels that a tally has of its own (a survey, a reason, a currency)."""
VectorsByLabels = Mapping[OwnLabels, Mapping[int, int]]
"""What a metric reads: the vectors of one tally for one label set, by `Extra`."""


class Aggregate(NamedTuple):
    """A family of cells.

    `flow`: summed over the buckets of a window. `births`: likewise, but a window has no upper end, so that what is
    ahead of the clock cancels against a stock. `stock`: one running total. `standing`: minutes, kept until zero.
    `shifted` flows are read by windows moved into the past too. `remembered`: fed by entities that are
    remembered for the longest window plus eight days, not just as long as their events can be in time.
    `counts`: the components of a flow that count events; label values are ranked by their sum.
    """

    name: str
    kind: Literal["flow", "open_flow", "stock", "open_items"] = "flow"
    lagged: bool = False
    long_retention: bool = False
    event_components: tuple[int, ...] = (0,)


class Contribution(NamedTuple):
    """What an entity adds to one leaf cell: tally, its dimension values, extra labels, minute, vector.

    `minute` is a bucket number (milliseconds // 60,000), 0 for a stock.
    """

    aggregate: str
    values: tuple[str | None, ...]
    own_labels: OwnLabels
    minute: int
    vector: Vector


BaseCell = tuple[str, tuple[str | None, ...], OwnLabels]
"""Tally, dimension values, extra labels."""
COMPONENT_BITS = 16
"""A component at a place (a minute, or a pane in its block) is at `place << SHIFT | component` in a flat vector."""
MAX_COMPONENTS = 1 << COMPONENT_BITS
COMPONENT_MASK = MAX_COMPONENTS - 1
Deltas = dict[BaseCell, Vector]
"""What is to be added to each leaf cell: minutes and components in one flat vector."""


def add(into: Vector, vector: Mapping[int, int], sign: int = 1) -> None:
    """Add `sign * vector`; components that become 0 are removed."""
    for component, n in vector.items():
        total = into.get(component, 0) + sign * n
        if total:
            into[component] = total
        else:
            into.pop(component, None)


def accumulate(deltas: Deltas, contributions: Iterable[Contribution], sign: int = 1) -> None:
    """Enter contributions (or, with sign -1, take them back) in the deltas of leaf cells."""
    for aggregate, values, own_labels, minute, vector in contributions:
        accumulate_one(deltas, (aggregate, values, own_labels), minute, vector, sign)


def accumulate_one(deltas: Deltas, base_cell: BaseCell, minute: int, vector: Vector, sign: int = 1) -> None:
    """Enter one contribution: `sign * vector` at a minute of a leaf cell."""
    first = minute << COMPONENT_BITS
    accumulate_vector(deltas, base_cell, {first | component: sign * n for component, n in vector.items()})


def accumulate_vector(deltas: Deltas, base_cell: BaseCell, vector: Vector) -> None:
    """Enter in a leaf cell a flat vector, which may become its own."""
    into = deltas.setdefault(base_cell, vector)
    if into is not vector:
        for place, n in vector.items():
            into[place] = into.get(place, 0) + n
