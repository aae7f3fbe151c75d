"""The contents of windows: sums by aggregate and label set."""

from typing import Any, NamedTuple

from stream.core.model.aggregate import Aggregate, OwnLabels, Vector, add


class LabelSet(NamedTuple):
    """A view and the values of its labels, which a set of series has in common."""

    view: str
    values: tuple[str, ...]


TOTAL_LABELS = LabelSet("total", ())


class LabelSetSums:
    """The sums of one aggregate for one label set.

    Attributes:
        sums: vectors by range (`WindowRange.range_id` or `STOCK_RANGE`) and own labels, or minute for open items
        cells: the cells with blocks, by own labels
        shown_in: the sums of the `__other__` into which these are folded, None if they are shown themselves
    """

    __slots__ = ("aggregate", "cells", "labels", "shown_in", "sums")

    def __init__(self, aggregate: Aggregate, labels: LabelSet) -> None:
        self.aggregate = aggregate
        self.labels = labels
        self.sums: dict[int, dict[Any, Vector]] = {}
        self.cells: dict[OwnLabels, CellRef] = {}
        self.shown_in: LabelSetSums | None = None

    def accumulate(self, range_id: int, key: OwnLabels | int, vector: Vector, sign: int = 1) -> None:
        """Add `sign * vector` to a sum. A sum that becomes zero is removed."""
        vectors = self.sums.setdefault(range_id, {})
        total = vectors.setdefault(key, {})
        add(total, vector, sign)
        if not total:
            del vectors[key]
            if not vectors:
                del self.sums[range_id]

    def replace(self, range_id: int, vectors: dict[OwnLabels, Vector]) -> None:
        """Replace the sums of a range. None of the new ones may be zero."""
        self.sums.pop(range_id, None)
        if vectors:
            self.sums[range_id] = vectors

    def cell(self, own_labels: OwnLabels) -> "CellRef":
        """Return the cell with these own labels. It is created if needed."""
        cell_ref = self.cells.get(own_labels)
        if cell_ref is None:
            cell_ref = self.cells[own_labels] = CellRef(self, own_labels)
        return cell_ref


class CellRef:
    """A cell, to which summed blocks refer. `blocks` is the number of its blocks."""

    __slots__ = ("blocks", "own_labels", "sums")

    def __init__(self, sums: LabelSetSums, own_labels: OwnLabels) -> None:
        self.sums = sums
        self.own_labels = own_labels
        self.blocks = 0
