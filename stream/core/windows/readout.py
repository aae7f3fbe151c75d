"""Reading figures out of windows: what metrics see, and which of them have to be read again."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.core.metrics.metric import Metric, Sample
from stream.core.model.aggregate import Aggregate, VectorsByLabels
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import Window
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import STOCK_RANGE, RollingWindows


class MetricUpdate(NamedTuple):
    """The figures of a metric for one label set: of one window, by its number, or the stock figures (None).

    They replace those read before. `gone`: the metric has nothing of that label set any more.
    """

    metric: Metric
    labels: LabelSet
    window: int | None
    samples: Sequence[Sample]
    removed: bool = False


class WindowContext:
    """A `Sight` on one label set and, but for stock figures, one window."""

    def __init__(self, windows: RollingWindows, labels: LabelSet, now: int, slot: int) -> None:
        self.now = now
        self._windows = windows
        self._labels = labels
        self._slot = slot

    @property
    def config(self) -> AggregationConfig:
        """The rules in force."""
        return self._windows.config

    @property
    def total(self) -> bool:
        """Whether this is the view of everything."""
        return self._labels == TOTAL_LABELS

    def flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Sums over the window."""
        return self._sums(aggregate, self._slot)

    def last_30_days(self, aggregate: Aggregate) -> VectorsByLabels:
        """Sums over 30 d."""
        return self._sums(aggregate, self._windows.last_30_days)

    def lagged_flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Sums over the window moved back."""
        return self._sums(aggregate, self._windows.range_count + self._slot)

    def stock(self, aggregate: Aggregate) -> VectorsByLabels:
        """Running totals."""
        return self._sums(aggregate, STOCK_RANGE)

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        """Minute number to vector."""
        sums = self._windows.shown_sums(aggregate.name, self._labels)
        return {} if sums is None else sums.sums.get(STOCK_RANGE, {})

    def _sums(self, aggregate: Aggregate, slot: int) -> VectorsByLabels:
        sums = self._windows.shown_sums(aggregate.name, self._labels)
        return {} if sums is None else sums.sums.get(slot, {})


class MetricReader:
    """Reads again what has changed since the last time.

    `total` is always there, other label sets while they hold something of a metric.
    """

    def __init__(self, windows: RollingWindows, metrics: Sequence[Metric]) -> None:
        self._windows = windows
        self._metrics = metrics
        self._readers: dict[str, list[int]] = {}
        for number, metric in enumerate(metrics):
            for aggregate in metric.aggregates:
                self._readers.setdefault(aggregate.name, []).append(number)
        self._present: set[tuple[int, LabelSet]] = set()
        self._reread: set[LabelSet] = set()

    def reset(self) -> None:
        """Read everything anew the next time, as if nothing had been read yet."""
        self._reread = {labels for _, labels in self._present}
        self._present.clear()

    def read(self, now: int) -> Iterator[MetricUpdate]:
        """All that has to be replaced; to be read to its end."""
        for (number, labels), bits in self._stale_windows().items():
            there = (number, labels) in self._present
            if labels != TOTAL_LABELS and not self._has_data(number, labels):
                if there:
                    self._present.discard((number, labels))
                    yield MetricUpdate(self._metrics[number], labels, None, (), removed=True)
                continue
            self._present.add((number, labels))
            yield from self._read(number, labels, bits if there else self._windows.all_windows, now)

    def _stale_windows(self) -> dict[tuple[int, LabelSet], int]:
        """What to look at, and which windows: bits as in `Windows.changed`."""
        changed, self._windows.changed = self._windows.changed, {}
        again, self._reread = self._reread | {TOTAL_LABELS}, set()
        stale = {
            (number, labels): 0
            for labels in again
            for number in range(len(self._metrics))
            if (number, labels) not in self._present
        }
        for sums, bits in changed.items():
            for number in self._readers[sums.aggregate.name]:
                key = (number, sums.labels)
                stale[key] = stale.get(key, 0) | bits
        return stale

    def _has_data(self, number: int, labels: LabelSet) -> bool:
        return any(
            self._windows.has_data(aggregate.name, labels) for aggregate in self._metrics[number].aggregates
        )

    def _read(self, number: int, labels: LabelSet, bits: int, now: int) -> Iterator[MetricUpdate]:
        metric = self._metrics[number]
        windows: tuple[Window, ...] = self._windows.config.windows
        for slot, window in enumerate(windows):
            if bits >> slot & 1 and (metric.read_flows or metric.read):
                context = WindowContext(self._windows, labels, now, slot)
                yield MetricUpdate(metric, labels, slot, list(metric.window_samples(context, window)))
        if metric.read_stock is not None and bits >> len(windows) & 1:
            view = WindowContext(self._windows, labels, now, self._windows.last_30_days)
            yield MetricUpdate(metric, labels, None, list(metric.read_stock(view)))
