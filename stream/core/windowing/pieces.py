"""A window cut into pieces, each read by itself: what makes a time line."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stream.core.buckets import DAY, HOUR, MINUTE, Window
from stream.core.metric import Metric, Sample
from stream.core.rules import Rules
from stream.core.tally import Cells, Extra, Vector
from stream.core.windowing.groups import LabelSet
from stream.core.windows import Windows

MOST = 32
"""A window has at most so many pieces."""
SIZES = (
    *(n * MINUTE for n in (1, 2, 3, 5, 10, 15, 20, 30)),
    *(n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(n * DAY for n in (1, 2, 3, 5, 7, 14, 28, 56)),
)
"""Sizes that people read with ease, in ms."""

STEP = 500
"""Entries of buckets that are added up in one step."""


class Piece(NamedTuple):
    """The figures of a part of a window, from `start` in ms: what a metric makes of its flows there."""

    start: int
    samples: tuple[Sample, ...]


def size(window: Window) -> int:
    """How long a window's pieces are, in ms; they begin at multiples of it."""
    whole = (each for each in SIZES if each % window.resolution.step == 0)
    return next(each for each in whole if window.span // each <= MOST)


def pieces(windows: Windows, metric: Metric, labels: LabelSet, slot: int) -> Iterator[Piece | None]:
    """The pieces of the window with this number, one after the other; the first and the last may be cut short.

    None stands for a step of the work, between two of which others may have their turn.
    """
    if metric.read is None:
        return
    window: Window = windows.rules.windows[slot]
    buckets = size(window) // window.resolution.step
    first, last = windows.edges(slot)
    found: dict[int, dict[str, dict[Extra, Vector]]] = {}
    steps = 0
    for tally in metric.tallies:
        if tally.kind == "flow":
            for extra, bucket, component, n in windows.buckets(tally.name, labels, slot):
                cells = found.setdefault(bucket // buckets, {}).setdefault(tally.name, {})
                vector = cells.setdefault(extra, {})
                vector[component] = vector.get(component, 0) + n
                steps += 1
                if steps % STEP == 0:
                    yield None
    for number in range(first // buckets, last // buckets + 1):
        start = max(number * buckets, first) * window.resolution.step
        sight = _Sight(windows.rules, labels, start, found.get(number, {}))
        yield Piece(start, tuple(metric.read(sight, window)))


class _Sight:
    """A `Sight` on one piece: it has flows only."""

    def __init__(self, rules: Rules, labels: LabelSet, now: int, flows: Mapping[str, Cells]) -> None:
        self.rules = rules
        self.total = not labels.values
        self.now = now
        self._flows = flows

    def flow(self, tally: str) -> Cells:
        return self._flows.get(tally, {})

    def month(self, tally: str) -> Cells:  # noqa: ARG002
        return {}

    def shifted(self, tally: str) -> Cells:  # noqa: ARG002
        return {}

    def stock(self, tally: str) -> Cells:  # noqa: ARG002
        return {}

    def standing(self, tally: str) -> dict[int, dict[int, int]]:  # noqa: ARG002
        return {}
