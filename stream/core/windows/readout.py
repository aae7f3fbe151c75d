"""Read-out of metrics from windows. Only series whose sums changed are read again."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.core.metrics.metric import Family, Metric, Sample, previous
from stream.core.model.aggregate import Aggregate, VectorsByLabels
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import Window
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import STOCK_RANGE, RollingWindows


class MetricUpdate(NamedTuple):
    """The samples of a metric for one label set, which replace those read before.

    Attributes:
        window: the number of the window, None for the series without a window
        families: the families that are replaced
        removed: True if the metric no longer has data of the label set, so that all of its samples are removed
    """

    metric: Metric
    labels: LabelSet
    window: int | None
    families: Sequence[Family]
    samples: Sequence[Sample]
    removed: bool = False


class WindowContext:
    """A `ReadContext` for one label set and one window. Series without a window read stocks and the last 30 days."""

    def __init__(self, windows: RollingWindows, labels: LabelSet, now: int, slot: int) -> None:
        self.now = now
        self._windows = windows
        self._labels = labels
        self._slot = slot

    @property
    def config(self) -> AggregationConfig:
        """The settings that change figures."""
        return self._windows.config

    @property
    def total(self) -> bool:
        """True for the view `total`."""
        return self._labels == TOTAL_LABELS

    def flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return the sums over the window."""
        return self._sums(aggregate, self._slot)

    def last_30_days(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return the sums over the last 30 days."""
        return self._sums(aggregate, self._windows.last_30_days)

    def lagged_flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return the sums over the window moved back by 7 days and one bucket."""
        return self._sums(aggregate, self._windows.range_count + self._slot)

    def stock(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return running totals."""
        return self._sums(aggregate, STOCK_RANGE)

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        """Return the vectors of open items, by minute number."""
        sums = self._windows.shown_sums(aggregate.name, self._labels)
        return {} if sums is None else sums.sums.get(STOCK_RANGE, {})

    def _sums(self, aggregate: Aggregate, slot: int) -> VectorsByLabels:
        sums = self._windows.shown_sums(aggregate.name, self._labels)
        return {} if sums is None else sums.sums.get(slot, {})


class MetricReader:
    """Reads the samples that changed since the last call.

    The view `total` is always read, other label sets while a metric has data of them. `previous`: also read the samples of
    the window before each window, for label sets of which only that one has data, too.
    """

    def __init__(self, windows: RollingWindows, metrics: Sequence[Metric], *, previous: bool = False) -> None:
        self._windows = windows
        self._metrics = metrics
        self._readers: dict[str, list[int]] = {}
        for number, metric in enumerate(metrics):
            for aggregate in metric.aggregates:
                self._readers.setdefault(aggregate.name, []).append(number)
        self._present: set[tuple[int, LabelSet]] = set()
        self._past: set[tuple[int, LabelSet]] = set()
        """Those in `_present` of which only windows before windows have data."""
        self._reread: set[LabelSet] = set()
        self._is_complete = [False] * len(windows.config.windows) if previous else []
        """Whether panes reach back to the beginning of the window before each window."""

    def reset(self) -> None:
        """Make the next `read` return all samples."""
        self._reread = {labels for _, labels in self._present}
        self._present.clear()
        self._past.clear()

    def read(self, now: int, complete_since: int = 0) -> Iterator[MetricUpdate]:
        """Yield the updates since the last call. The iterator must be exhausted, otherwise updates are lost.

        Args:
            now: the end of the windows, in ms
            complete_since: the time from which on no pane is missing, in ms. Windows before windows that begin earlier
                have no samples
        """
        for key, window_mask in self._stale_windows(complete_since).items():
            number, labels = key
            metric = self._metrics[number]
            was_present, was_past = key in self._present, key in self._past
            if labels == TOTAL_LABELS or self._has_data(number, labels):
                self._present.add(key)
                self._past.discard(key)
                is_known = was_present and not was_past
                yield from self._read(
                    number, labels, window_mask if is_known else self._windows.everything, now
                )
            elif metric.compared and self._has_previous_data(number, labels):
                self._present.add(key)
                self._past.add(key)
                if was_present and not was_past:
                    yield MetricUpdate(metric, labels, None, metric.families, (), removed=True)
                stale = window_mask if was_present else self._windows.everything
                yield from self._read_previous(metric, labels, stale, now)
            elif was_present:
                self._present.discard(key)
                self._past.discard(key)
                yield MetricUpdate(metric, labels, None, metric.all_families, (), removed=True)

    def _stale_windows(self, complete_since: int) -> dict[tuple[int, LabelSet], int]:
        """Return the windows to read, as masks by number of the metric and label set.

        Masks are those of `RollingWindows.changed`.
        """
        changed, self._windows.changed = self._windows.changed, {}
        reread, self._reread = self._reread | {TOTAL_LABELS}, set()
        stale = {
            (number, labels): 0
            for labels in reread
            for number in range(len(self._metrics))
            if (number, labels) not in self._present
        }
        for sums, window_mask in changed.items():
            for number in self._readers[sums.aggregate.name]:
                key = (number, sums.labels)
                stale[key] = stale.get(key, 0) | window_mask
        if became_complete := self._note_complete(complete_since):
            for key in self._present:
                stale[key] = stale.get(key, 0) | became_complete
        return stale

    def _note_complete(self, complete_since: int) -> int:
        """Note which previous windows are complete, and return the mask of those for which that changed."""
        mask, windows = 0, self._windows
        for number, was_complete in enumerate(self._is_complete):
            self._is_complete[number] = windows.previous_start(number) >= complete_since
            if self._is_complete[number] is not was_complete:
                mask |= 1 << len(self._is_complete) + 1 + number
        return mask

    def _has_data(self, number: int, labels: LabelSet) -> bool:
        return any(
            self._windows.has_data(aggregate.name, labels) for aggregate in self._metrics[number].aggregates
        )

    def _has_previous_data(self, number: int, labels: LabelSet) -> bool:
        aggregates = self._metrics[number].aggregates
        return any(self._windows.has_previous_data(aggregate.name, labels) for aggregate in aggregates)

    def _read(self, number: int, labels: LabelSet, window_mask: int, now: int) -> Iterator[MetricUpdate]:
        metric = self._metrics[number]
        windows: tuple[Window, ...] = self._windows.config.windows
        windowed = [family for family in metric.families if family.windowed]
        for slot, window in enumerate(windows):
            if window_mask >> slot & 1 and (metric.read_flows or metric.read):
                context = WindowContext(self._windows, labels, now, slot)
                samples = list(metric.window_samples(context, window))
                yield MetricUpdate(metric, labels, slot, windowed, samples)
        if metric.read_stock is not None and window_mask >> len(windows) & 1:
            context = WindowContext(self._windows, labels, now, self._windows.last_30_days)
            plain = [family for family in metric.families if not family.windowed]
            yield MetricUpdate(metric, labels, None, plain, list(metric.read_stock(context)))
        if metric.compared:
            yield from self._read_previous(metric, labels, window_mask, now)

    def _read_previous(
        self, metric: Metric, labels: LabelSet, window_mask: int, now: int
    ) -> Iterator[MetricUpdate]:
        families = [previous(family) for family in metric.compared]
        windows = self._windows
        for slot, is_complete in enumerate(self._is_complete):
            if window_mask >> len(self._is_complete) + 1 + slot & 1:
                window = windows.config.windows[slot]
                context = WindowContext(windows, labels, now - window.span, 2 * windows.range_count + slot)
                samples = list(metric.previous_samples(context, window)) if is_complete else []
                yield MetricUpdate(metric, labels, slot, families, samples)
