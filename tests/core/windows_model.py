"""Windows by brute force: everything summed anew from the panes of every partition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stream.core.buckets import MINUTE, STANDING, TOTAL, Window
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.panes import Panes, Row, unpack
from stream.core.rules import Rules
from stream.core.tally import Cells, Tally
from stream.core.windowing.fold import Fold
from stream.core.windowing.groups import TOTAL as EVERYTHING
from stream.core.windowing.groups import LabelSet
from stream.core.windowing.readout import Readout
from stream.core.windows import Windows
from tests.support import DAY

FLOW, BIRTHS = Tally("flow", shifted=True), Tally("births", "births")
STOCK, STANDS = Tally("stock", "stock"), Tally("stands", "standing")
TALLIES = {tally.name: tally for tally in (FLOW, BIRTHS, STOCK, STANDS)}
WINDOWED, PLAIN = Family("windowed", "", ("what",)), Family("plain", "", ("what",), windowed=False)


def _flat(family: Family, name: str, cells: Cells) -> Iterator[Sample]:
    for extra, vector in cells.items():
        for component, n in vector.items():
            yield Sample(family, (f"{name}{extra}{component}",), n)


def read(sight: Sight, window: Window) -> Iterator[Sample]:
    """All there is to see of a window."""
    yield from _flat(WINDOWED, "flow", sight.flow("flow"))
    yield from _flat(WINDOWED, "births", sight.flow("births"))
    yield from _flat(WINDOWED, "shifted", sight.shifted("flow"))
    yield from _flat(WINDOWED, "stock", sight.stock("stock"))
    yield from _flat(WINDOWED, "month", sight.month("births"))
    yield Sample(WINDOWED, (window.label,), 0)


def read_stock(sight: Sight) -> Iterator[Sample]:
    """All there is to see now, with ages in minutes."""
    yield from _flat(PLAIN, "stock", sight.stock("stock"))
    yield from _flat(PLAIN, "month", sight.month("flow"))
    for minute, vector in sight.standing("stands").items():
        for component, n in vector.items():
            yield Sample(PLAIN, (f"stands{sight.now // MINUTE - minute}/{component}",), n)


def metric(name: str, *tallies: Tally, **readers: object) -> Metric:
    """A metric of the model."""
    words = dict.fromkeys(("title", "definition", "formula", "source", "example"), "")
    return Metric(name=name, tallies=tallies, families=(WINDOWED, PLAIN), **words, **readers)  # type: ignore[arg-type]


METRICS = (
    metric("all", *TALLIES.values(), read=read, read_stock=read_stock),
    metric("flows", FLOW, read=lambda sight, _: _flat(WINDOWED, "flow", sight.flow("flow"))),
)

K = TypeVar("K")
Figures = dict[tuple[str, LabelSet, int | None], dict[tuple[str, ...], float]]
"""By metric, label set and window: own labels to value."""


@dataclass
class Brute:
    """A `Sight` that sums every pane of the label sets shown as one."""

    panes: Sequence[Panes]
    rules: Rules
    fold: Fold
    now: int
    labels: LabelSet = EVERYTHING
    window: Window | None = None
    total = False

    def _sum(
        self, tally: str, resolution: int, first: int, last: int
    ) -> Iterator[tuple[tuple[str, ...], int, int, int]]:
        for panes in self.panes:
            for (code, block, cell), vector in panes.blocks.items():
                if (code, cell.tally) == (resolution, tally) and self.fold.shown(
                    LabelSet(cell.view, cell.values)
                ) == self.labels:
                    for bucket, component, n in unpack(code, block, vector):
                        if first <= bucket <= last:
                            yield cell.extra, bucket, component, n

    def _cells(self, tally: str, window: Window, back: int = 0) -> Cells:
        step = window.resolution.step
        last = 1 << 60 if TALLIES[tally].kind == "births" else self.now // step - back
        return _added(
            (extra, component, n)
            for extra, _, component, n in self._sum(
                tally, window.resolution.code, window.first(self.now) - back, last
            )
        )

    def flow(self, tally: str) -> Cells:
        assert self.window
        return self._cells(tally, self.window)

    def month(self, tally: str) -> Cells:
        return self._cells(tally, Window("", 30 * DAY))

    def shifted(self, tally: str) -> Cells:
        assert self.window
        if self.window.span < 7 * DAY:
            return {}
        return self._cells(tally, self.window, 7 * DAY // self.window.resolution.step + 1)

    def stock(self, tally: str) -> Cells:
        return _added((extra, c, n) for extra, _, c, n in self._sum(tally, TOTAL.code, 0, 0))

    def standing(self, tally: str) -> dict[int, dict[int, int]]:
        found = self._sum(tally, STANDING.code, 0, 1 << 60)
        return _added((minute, component, n) for _, minute, component, n in found)

    def holds(self, one: Metric) -> bool:
        """Whether any window or stock has something of the metric."""
        names = {tally.name for tally in one.tallies}
        anything = [self.stock("stock")] if "stock" in names else []
        anything += [self.standing("stands")] if "stands" in names else []
        for window in self.rules.windows:
            self.window = window
            anything += [self.flow(name) for name in ("flow", "births") if name in names]
            anything += [self.shifted("flow")] if "flow" in names else []
        return any(anything)

    def figures(self) -> Figures:
        """What has to be shown."""
        cells = {LabelSet(key.cell.view, key.cell.values) for panes in self.panes for key in panes.blocks}
        found: Figures = {}
        for labels in {self.fold.shown(labels) for labels in cells} | {EVERYTHING}:
            self.labels = labels
            for one in METRICS:
                if labels != EVERYTHING and not self.holds(one):
                    continue
                for number, window in enumerate(self.rules.windows):
                    self.window = window
                    assert one.read
                    found[one.name, labels, number] = _by_label(one.read(self, self.window))
                if one.read_stock:
                    found[one.name, labels, None] = _by_label(one.read_stock(self))
        return found


def _added(found: Iterable[tuple[K, int, int]]) -> dict[K, dict[int, int]]:
    sums: dict[K, dict[int, int]] = {}
    for key, component, n in found:
        vector = sums.setdefault(key, {})
        vector[component] = vector.get(component, 0) + n
    vectors = {key: {c: n for c, n in vector.items() if n} for key, vector in sums.items()}
    return {key: vector for key, vector in vectors.items() if vector}


def _by_label(samples: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    listed = list(samples)
    found = {sample.labels: sample.value for sample in listed}
    assert len(found) == len(listed)
    return found


class Kept:
    """Windows and what was read out of them so far, fed with the records of some partitions."""

    def __init__(self, rules: Rules, partitions: int) -> None:
        self.windows = Windows(rules, METRICS)
        self.figures: Figures = {}
        self._readout = Readout(self.windows, METRICS)
        self._last: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]

    def take(self, partition: int, rows: Iterable[Row]) -> None:
        """Records of a partition."""
        last = self._last[partition]
        for key, value in rows:
            self.windows.apply(key, last.get(key), value)
            if value is None:
                last.pop(key, None)
            else:
                last[key] = value

    def again(self, partition: int) -> None:
        """Forget a partition and read it from its beginning."""
        rows = list(self._last[partition].items())
        self.take(partition, [(key, None) for key, _ in rows])
        self.take(partition, rows)

    def show(self, now: int) -> Figures:
        """Move the clock and read out what changed."""
        run(self.windows.advance(now))
        for reading in self._readout.read(now):
            key = (reading.metric.name, reading.labels)
            if reading.gone:
                self.figures = {k: v for k, v in self.figures.items() if k[:2] != key}
            else:
                self.figures[*key, reading.window] = _by_label(reading.samples)
        return self.figures

    def forget(self) -> None:
        """Show nothing, then everything."""
        self.figures = {}
        self._readout.forget()


def run(steps: Iterator[None]) -> None:
    """Take all steps at once."""
    for _ in steps:
        pass
