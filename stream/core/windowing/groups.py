"""What windows hold: sums by tally and label set."""

from typing import Any, NamedTuple

from stream.core.tally import Extra, Tally, Vector, add


class LabelSet(NamedTuple):
    """A view and the values of its labels: what one set of series is about."""

    view: str
    values: tuple[str, ...]


TOTAL = LabelSet("total", ())


class Group:
    """The sums of one tally for one label set: slot (a window, or a stock) to `Extra` (or minute) to vector.

    `folded` is the group of `__other__` that has to change with it, None while it is shown itself.
    """

    __slots__ = ("folded", "labels", "places", "sums", "tally")

    def __init__(self, tally: Tally, labels: LabelSet) -> None:
        self.tally = tally
        self.labels = labels
        self.sums: dict[int, dict[Any, Vector]] = {}
        self.places: dict[Extra, Place] = {}
        self.folded: Group | None = None

    def post(self, slot: int, key: Extra | int, vector: Vector, sign: int = 1) -> None:
        """Add to a sum; what becomes zero is removed."""
        cells = self.sums.setdefault(slot, {})
        have = cells.setdefault(key, {})
        add(have, vector, sign)
        if not have:
            del cells[key]
            if not cells:
                del self.sums[slot]

    def replace(self, slot: int, cells: dict[Extra, Vector]) -> None:
        """Put right sums, none of them zero, in the place of wrong ones."""
        self.sums.pop(slot, None)
        if cells:
            self.sums[slot] = cells

    def place(self, extra: Extra) -> "Place":
        """The place of a cell in this group."""
        found = self.places.get(extra)
        if found is None:
            found = self.places[extra] = Place(self, extra)
        return found


class Place:
    """A cell of a group, as blocks know it: `blocks` counts those that hold something of it."""

    __slots__ = ("blocks", "extra", "group")

    def __init__(self, group: Group, extra: Extra) -> None:
        self.group = group
        self.extra = extra
        self.blocks = 0
