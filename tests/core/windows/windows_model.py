"""Windows by brute force, summed from the panes of every partition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stream.core.aggregation.pane_store import PaneStore
from stream.core.metrics.metric import Family, Metric, ReadContext, Sample
from stream.core.model.aggregate import Aggregate, VectorsByLabels
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.pane_blocks import Row, unpack_block
from stream.core.model.time_buckets import MINUTE, MINUTES, OPEN_ITEM_MINUTES, RUNNING_TOTAL, Window
from stream.core.windows.cardinality import CardinalityPolicy
from stream.core.windows.label_sets import TOTAL_LABELS as EVERYTHING
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.readout import MetricReader
from stream.core.windows.rolling import RollingWindows
from tests.support import DAY

FLOW, OPEN_FLOW = Aggregate("flow", lagged=True), Aggregate("open_flow", kind="open_flow")
DUE_FLOW = Aggregate("due_flow", kind="due_flow")
STOCK, OPEN_ITEMS = Aggregate("stock", kind="stock"), Aggregate("stands", kind="open_items")
AGGREGATES = {aggregate.name: aggregate for aggregate in (FLOW, OPEN_FLOW, DUE_FLOW, STOCK, OPEN_ITEMS)}
WINDOWED, PLAIN = Family("windowed", "", ("what",)), Family("plain", "", ("what",), windowed=False)


def samples(family: Family, name: str, cells: VectorsByLabels) -> Iterator[Sample]:
    for own_labels, vector in cells.items():
        for component, n in vector.items():
            yield Sample(family, (f"{name}{own_labels}{component}",), n)


def read(context: ReadContext, window: Window) -> Iterator[Sample]:
    """Yield every figure of a window."""
    yield from samples(WINDOWED, "flow", context.flow(FLOW))
    yield from samples(WINDOWED, "open_flow", context.flow(OPEN_FLOW))
    yield from samples(WINDOWED, "due_flow", context.flow(DUE_FLOW))
    yield from samples(WINDOWED, "shifted", context.lagged_flow(FLOW))
    yield from samples(WINDOWED, "stock", context.stock(STOCK))
    yield from samples(WINDOWED, "month", context.last_30_days(OPEN_FLOW))
    yield Sample(WINDOWED, (window.label,), 0)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Yield every figure without a window, with ages in minutes."""
    yield from samples(PLAIN, "stock", context.stock(STOCK))
    yield from samples(PLAIN, "month", context.last_30_days(FLOW))
    for minute, vector in context.open_items(OPEN_ITEMS).items():
        for component, n in vector.items():
            yield Sample(PLAIN, (f"stands{context.now // MINUTE - minute}/{component}",), n)


def metric(name: str, *aggregates: Aggregate, **readers: object) -> Metric:
    """Return a metric of the model."""
    texts = dict.fromkeys(("title", "definition", "formula", "source", "example"), "")
    return Metric(name=name, aggregates=aggregates, families=(WINDOWED, PLAIN), **texts, **readers)  # type: ignore[arg-type]


METRICS = (
    metric("all", *AGGREGATES.values(), read=read, read_stock=read_stock),
    metric("flows", FLOW, read_flows=lambda context, _: samples(WINDOWED, "flow", context.flow(FLOW))),
)

K = TypeVar("K")
Figures = dict[tuple[str, LabelSet, int | None], dict[tuple[str, ...], float]]
"""By metric, label set and window: own labels to value."""


@dataclass
class BruteForceWindows:
    """A `ReadContext` that sums every pane of the label sets shown as one."""

    panes: Sequence[PaneStore]
    config: AggregationConfig
    cardinality_policy: CardinalityPolicy
    now: int
    labels: LabelSet = EVERYTHING
    window: Window | None = None
    total = False

    def _sum(
        self, aggregate: Aggregate, resolution: int, first: int, last: int
    ) -> Iterator[tuple[tuple[str, ...], int, int, int]]:
        for panes in self.panes:
            for (code, block, cell), vector in panes.blocks.items():
                if (code, cell.aggregate) == (
                    resolution,
                    aggregate.name,
                ) and self.cardinality_policy.shown_as(LabelSet(cell.view, cell.values)) == self.labels:
                    for bucket, component, n in unpack_block(code, block, vector):
                        if first <= bucket <= last:
                            yield cell.own_labels, bucket, component, n

    def _cells(self, aggregate: Aggregate, window: Window, back: int = 0) -> VectorsByLabels:
        step, first = window.resolution.step, window.first(self.now) - back
        last = 1 << 60 if aggregate.kind == "open_flow" else self.now // step - back
        ranges = [(window.resolution.code, first, last)]
        if aggregate.kind == "due_flow":
            ranges = [
                (window.resolution.code, first, last - 1),
                (MINUTES.code, last * step // MINUTE, self.now // MINUTE),
            ]
        return sum_vectors(
            (own_labels, component, n)
            for part in ranges
            for own_labels, _, component, n in self._sum(aggregate, *part)
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
        return sum_vectors(
            (own_labels, c, n) for own_labels, _, c, n in self._sum(aggregate, RUNNING_TOTAL.code, 0, 0)
        )

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        components = self._sum(aggregate, OPEN_ITEM_MINUTES.code, 0, 1 << 60)
        return sum_vectors((minute, component, n) for _, minute, component, n in components)

    def has_figures(self, metric_: Metric) -> bool:
        """Return True if any window or stock has a figure of the metric."""
        names = {aggregate.name for aggregate in metric_.aggregates}
        sums = [self.stock(STOCK)] if "stock" in names else []
        sums += [self.open_items(OPEN_ITEMS)] if "stands" in names else []
        for window in self.config.windows:
            self.window = window
            flows = (FLOW, OPEN_FLOW, DUE_FLOW)
            sums += [self.flow(aggregate) for aggregate in flows if aggregate.name in names]
            sums += [self.lagged_flow(FLOW)] if "flow" in names else []
        return any(sums)

    def figures(self) -> Figures:
        """Return the expected figures."""
        cells = {LabelSet(key.cell.view, key.cell.values) for panes in self.panes for key in panes.blocks}
        by_metric: Figures = {}
        for labels in {self.cardinality_policy.shown_as(labels) for labels in cells} | {EVERYTHING}:
            self.labels = labels
            for metric_ in METRICS:
                if labels != EVERYTHING and not self.has_figures(metric_):
                    continue
                for number, window in enumerate(self.config.windows):
                    self.window = window
                    by_metric[metric_.name, labels, number] = values_by_labels(
                        metric_.window_samples(self, self.window)
                    )
                if metric_.read_stock:
                    by_metric[metric_.name, labels, None] = values_by_labels(metric_.read_stock(self))
        return by_metric


def sum_vectors(contributions: Iterable[tuple[K, int, int]]) -> dict[K, dict[int, int]]:
    sums: dict[K, dict[int, int]] = {}
    for key, component, n in contributions:
        vector = sums.setdefault(key, {})
        vector[component] = vector.get(component, 0) + n
    vectors = {key: {c: n for c, n in vector.items() if n} for key, vector in sums.items()}
    return {key: vector for key, vector in vectors.items() if vector}


def values_by_labels(samples: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    sample_list = list(samples)
    by_labels = {sample.labels: sample.value for sample in sample_list}
    assert len(by_labels) == len(sample_list)
    return by_labels


class KeptReadout:
    """Rolling windows of some partitions, and the figures read from them so far."""

    def __init__(self, config: AggregationConfig, partitions: int) -> None:
        self.windows = RollingWindows(config, METRICS)
        self.figures: Figures = {}
        self._reader = MetricReader(self.windows, METRICS)
        self._last: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]

    def apply_rows(self, partition: int, rows: Iterable[Row]) -> None:
        """Apply changed rows of a partition."""
        last = self._last[partition]
        for key, value in rows:
            self.windows.apply(key, last.get(key), value)
            if value is None:
                last.pop(key, None)
            else:
                last[key] = value

    def reread(self, partition: int) -> None:
        """Remove a partition and read it again from its beginning."""
        rows = list(self._last[partition].items())
        self.apply_rows(partition, [(key, None) for key, _ in rows])
        self.apply_rows(partition, rows)

    def read_figures(self, now: int) -> Figures:
        """Advance the clock and read the updates."""
        run(self.windows.advance(now))
        for update in self._reader.read(now):
            key = (update.metric.name, update.labels)
            if update.removed:
                self.figures = {k: v for k, v in self.figures.items() if k[:2] != key}
            else:
                self.figures[*key, update.window] = values_by_labels(update.samples)
        return self.figures

    def forget(self) -> None:
        """Discard all figures, so that the next read returns all of them."""
        self.figures = {}
        self._reader.reset()


def run(steps: Iterator[None]) -> None:
    """Run all steps."""
    for _ in steps:
        pass
