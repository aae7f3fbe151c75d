"""Windows by brute force: everything summed anew from the panes of every partition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stream.core.aggregation.pane_store import PaneStore
from stream.core.metrics.metric import Family, Metric, ReadContext, Sample
from stream.core.model.aggregate import Aggregate, VectorsByLabels
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.pane_blocks import Row, unpack_block
from stream.core.model.time_buckets import MINUTE, OPEN_ITEM_MINUTES, RUNNING_TOTAL, Window
from stream.core.windows.cardinality import CardinalityPolicy
from stream.core.windows.label_sets import TOTAL_LABELS as EVERYTHING
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.readout import MetricReader
from stream.core.windows.rolling import RollingWindows
from tests.support import DAY

FLOW, BIRTHS = Aggregate("flow", lagged=True), Aggregate("open_flow", kind="open_flow")
STOCK, STANDS = Aggregate("stock", kind="stock"), Aggregate("stands", kind="open_items")
TALLIES = {tally.name: tally for tally in (FLOW, BIRTHS, STOCK, STANDS)}
WINDOWED, PLAIN = Family("windowed", "", ("what",)), Family("plain", "", ("what",), windowed=False)


def _flat(family: Family, name: str, cells: VectorsByLabels) -> Iterator[Sample]:
    for extra, vector in cells.items():
        for component, n in vector.items():
            yield Sample(family, (f"{name}{extra}{component}",), n)


def read(context: ReadContext, window: Window) -> Iterator[Sample]:
    """All there is to see of a window."""
    yield from _flat(WINDOWED, "flow", context.flow(FLOW))
    yield from _flat(WINDOWED, "open_flow", context.flow(BIRTHS))
    yield from _flat(WINDOWED, "shifted", context.lagged_flow(FLOW))
    yield from _flat(WINDOWED, "stock", context.stock(STOCK))
    yield from _flat(WINDOWED, "month", context.last_30_days(BIRTHS))
    yield Sample(WINDOWED, (window.label,), 0)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """All there is to see now, with ages in minutes."""
    yield from _flat(PLAIN, "stock", context.stock(STOCK))
    yield from _flat(PLAIN, "month", context.last_30_days(FLOW))
    for minute, vector in context.open_items(STANDS).items():
        for component, n in vector.items():
            yield Sample(PLAIN, (f"stands{context.now // MINUTE - minute}/{component}",), n)


def metric(name: str, *tallies: Aggregate, **readers: object) -> Metric:
    """A metric of the model."""
    words = dict.fromkeys(("title", "definition", "formula", "source", "example"), "")
    return Metric(name=name, aggregates=tallies, families=(WINDOWED, PLAIN), **words, **readers)  # type: ignore[arg-type]


METRICS = (
    metric("all", *TALLIES.values(), read=read, read_stock=read_stock),
    metric("flows", FLOW, read_flows=lambda sight, _: _flat(WINDOWED, "flow", sight.flow(FLOW))),
)

K = TypeVar("K")
Figures = dict[tuple[str, LabelSet, int | None], dict[tuple[str, ...], float]]
"""By metric, label set and window: own labels to value."""


@dataclass
class Brute:
    """A `Sight` that sums every pane of the label sets shown as one."""

    panes: Sequence[PaneStore]
    config: AggregationConfig
    fold: CardinalityPolicy
    now: int
    labels: LabelSet = EVERYTHING
    window: Window | None = None
    total = False

    def _sum(
        self, aggregate: Aggregate, resolution: int, first: int, last: int
    ) -> Iterator[tuple[tuple[str, ...], int, int, int]]:
        for panes in self.panes:
            for (code, block, cell), vector in panes.blocks.items():
                if (code, cell.aggregate) == (resolution, aggregate.name) and self.fold.shown_as(
                    LabelSet(cell.view, cell.values)
                ) == self.labels:
                    for bucket, component, n in unpack_block(code, block, vector):
                        if first <= bucket <= last:
                            yield cell.own_labels, bucket, component, n

    def _cells(self, aggregate: Aggregate, window: Window, back: int = 0) -> VectorsByLabels:
        step = window.resolution.step
        last = 1 << 60 if aggregate.kind == "open_flow" else self.now // step - back
        return _added(
            (extra, component, n)
            for extra, _, component, n in self._sum(
                aggregate, window.resolution.code, window.first(self.now) - back, last
            )
        )

    def flow(self, aggregate: Aggregate) -> VectorsByLabels:
        assert self.window
        return self._cells(aggregate, self.window)

    def last_30_days(self, aggregate: Aggregate) -> VectorsByLabels:
        return self._cells(aggregate, Window("", 30 * DAY))

    def lagged_flow(self, aggregate: Aggregate) -> VectorsByLabels:
        assert self.window
        if self.window.span < 7 * DAY:
            return {}
        return self._cells(aggregate, self.window, 7 * DAY // self.window.resolution.step + 1)

    def stock(self, aggregate: Aggregate) -> VectorsByLabels:
        return _added((extra, c, n) for extra, _, c, n in self._sum(aggregate, RUNNING_TOTAL.code, 0, 0))

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        found = self._sum(aggregate, OPEN_ITEM_MINUTES.code, 0, 1 << 60)
        return _added((minute, component, n) for _, minute, component, n in found)

    def holds(self, one: Metric) -> bool:
        """Whether any window or stock has something of the metric."""
        names = {aggregate.name for aggregate in one.aggregates}
        anything = [self.stock(STOCK)] if "stock" in names else []
        anything += [self.open_items(STANDS)] if "stands" in names else []
        for window in self.config.windows:
            self.window = window
            anything += [self.flow(each) for each in (FLOW, BIRTHS) if each.name in names]
            anything += [self.lagged_flow(FLOW)] if "flow" in names else []
        return any(anything)

    def figures(self) -> Figures:
        """What has to be shown."""
        cells = {LabelSet(key.cell.view, key.cell.values) for panes in self.panes for key in panes.blocks}
        found: Figures = {}
        for labels in {self.fold.shown_as(labels) for labels in cells} | {EVERYTHING}:
            self.labels = labels
            for one in METRICS:
                if labels != EVERYTHING and not self.holds(one):
                    continue
                for number, window in enumerate(self.config.windows):
                    self.window = window
                    found[one.name, labels, number] = _by_label(one.window_samples(self, self.window))
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

    def __init__(self, rules: AggregationConfig, partitions: int) -> None:
        self.windows = RollingWindows(rules, METRICS)
        self.figures: Figures = {}
        self._readout = MetricReader(self.windows, METRICS)
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
            if reading.removed:
                self.figures = {k: v for k, v in self.figures.items() if k[:2] != key}
            else:
                self.figures[*key, reading.window] = _by_label(reading.samples)
        return self.figures

    def forget(self) -> None:
        """Show nothing, then everything."""
        self.figures = {}
        self._readout.reset()


def run(steps: Iterator[None]) -> None:
    """Take all steps at once."""
    for _ in steps:
        pass
