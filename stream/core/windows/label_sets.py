"""What windows hold: sums by tally and label set."""

from typing import Any, NamedTuple

from stream.core.model.aggregate import Aggregate, OwnLabels, Vector, add


class LabelSet(NamedTuple):
    """A view and the values of its labels: what one set of series is about."""

    view: str
    values: tuple[str, ...]


TOTAL_LABELS = LabelSet("total", ())


class LabelSetSums:
    """The sums of one tally for one label set: slot (a window, or a stock) to `Extra` (or minute) to vector.

    `folded` is the group of `__other__` that has to change with it, None while it is shown itself.
    """

    __slots__ = ("aggregate", "cells", "labels", "shown_in", "sums")

    def __init__(self, aggregate: Aggregate, labels: LabelSet) -> None:
        self.aggregate = aggregate
        self.labels = labels
        self.sums: dict[int, dict[Any, Vector]] = {}
        self.cells: dict[OwnLabels, CellRef] = {}
        self.shown_in: LabelSetSums | None = None

    def accumulate(self, slot: int, key: OwnLabels | int, vector: Vector, sign: int = 1) -> None:
        """Add to a sum; what becomes zero is removed."""
        cells = self.sums.setdefault(slot, {})
        have = cells.setdefault(key, {})
        add(have, vector, sign)
        if not have:
            del cells[key]
            if not cells:
                del self.sums[slot]

    def replace(self, slot: int, cells: dict[OwnLabels, Vector]) -> None:
        """Put right sums, none of them zero, in the place of wrong ones."""
        self.sums.pop(slot, None)
        if cells:
            self.sums[slot] = cells

    def cell(self, own_labels: OwnLabels) -> "CellRef":
        """The place of a cell in this group."""
        cell_ref = self.cells.get(own_labels)
        if cell_ref is None:
            cell_ref = self.cells[own_labels] = CellRef(self, own_labels)
        return cell_ref


class CellRef:
    """A cell of a group, as blocks know it: `blocks` counts those that hold something of it."""

    __slots__ = ("blocks", "own_labels", "sums")

    def __init__(self, sums: LabelSetSums, own_labels: OwnLabels) -> None:
        self.sums = sums
        self.own_labels = own_labels
        self.blocks = 0
