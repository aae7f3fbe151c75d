"""The rolling windows of one domain, kept up to date over the panes of all its partitions."""

from collections.abc import Callable, Container, Iterator, KeysView, Sequence
from typing import Any

from stream.core.metrics.metric import Metric
from stream.core.model.aggregate import Aggregate, OwnLabels, Vector, add
from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig
from stream.core.model.pane_blocks import BlockKey, decode_key, unpack_block
from stream.core.model.time_buckets import (
    HOURS,
    MIN_HOUR_RETENTION,
    MINUTE,
    OPEN_ITEM_MINUTES,
    ROLLING,
    RUNNING_TOTAL,
    Window,
)
from stream.core.windows.cardinality import CardinalityPolicy, EventCount
from stream.core.windows.label_sets import TOTAL_LABELS, CellRef, LabelSet, LabelSetSums
from stream.core.windows.notes import NoteBoard
from stream.core.windows.ranges import WindowRange, previous_ranges, window_ranges
from stream.core.windows.summed_blocks import PackedBlock, SummedBlocks, block_difference, sum_range

CooperativeSteps = Iterator[None]
"""Work in short steps. The caller may pause between two of them, but must not change the windows meanwhile."""
Observer = Callable[[str, LabelSet, int, int, Vector], None]
"""Receives the name of the aggregate, label set, code of the resolution, number and change of a block of flows."""
STOCK_RANGE = -1
"""The range ID of running totals and of open items."""


class RollingWindows:
    """Sums by label set, aggregate and window, updated by changed blocks and by the clock.

    `changed` collects the sums to be read out again, each with a mask of windows (see `WindowRange.window_mask`).
    """

    def __init__(
        self, config: AggregationConfig, metrics: Sequence[Metric], *, previous: bool = False
    ) -> None:
        self.config = config
        self.aggregates = {aggregate.name: aggregate for metric in metrics for aggregate in metric.aggregates}
        self.cardinality_policy = CardinalityPolicy(config.views, {})
        self.changed: dict[LabelSetSums, int] = {}
        self.has_new_label_sets = False
        """True if label sets were added since the last `apply_policy`."""
        self.notes = NoteBoard()
        self.repairs = 0
        """Number of wrong sums that `verify` corrected."""
        n = len(config.windows)
        self.all_windows = (1 << n + 1) - 1
        """The mask of all windows, and of the series without a window (see `WindowRange.window_mask`)."""
        self.everything = (1 << 2 * n + 1) - 1 if previous else self.all_windows
        """The same with a bit for each window before a configured one. These follow that of the series without a window."""
        self._label_set_sums: dict[LabelSet, dict[str, LabelSetSums]] = {}
        self._other_sums: dict[tuple[str, LabelSet], LabelSetSums] = {}
        self._blocks = SummedBlocks()
        windows = list(_windows(config, self.all_windows))
        self.last_30_days = next(
            n for n, (window, _) in enumerate(windows) if window.span == MIN_HOUR_RETENTION
        )
        """The range ID of the window of 30 days, configured or not."""
        self.range_count = len(windows)
        """The number of windows. It is added to the ID of a range that is moved back."""
        self._visible = frozenset((STOCK_RANGE, *range(n), *range(self.range_count, self.range_count + n)))
        self._ranges = list(window_ranges(windows, self.aggregates.values()))
        if previous:
            masked = ((window, 1 << n + 1 + number) for number, (window, _) in enumerate(windows[:n]))
            flows = frozenset(
                a.name for m in metrics if m.compared for a in m.aggregates if a.kind in ("flow", "due_flow")
            )
            self._ranges += previous_ranges(masked, 2 * self.range_count, flows)
        self._ranges_of: dict[tuple[str, int], list[WindowRange]] = {
            (name, resolution.code): [
                window_range
                for window_range in self._ranges
                if name in window_range.aggregates and window_range.resolution is resolution
            ]
            for name in self.aggregates
            for resolution in ROLLING
        }
        self._minute = 0
        self._observers: list[Observer] = []

    def observe(self, observer: Observer) -> None:
        """Report the change of every block of flows from now on."""
        self._observers.append(observer)

    def apply(self, key: bytes, old: bytes | None, new: bytes | None) -> None:
        """Apply the change of a record from `old` to `new`. Records of unknown aggregates and views are ignored."""
        block_key = decode_key(key)
        cell = block_key.cell
        if cell.aggregate == NoteBoard.aggregate:
            if cell.view == TOTAL_LABELS.view:  # there may be other views without labels
                self.notes.apply(cell.own_labels, block_difference(old, new))
        else:
            self._apply_block(block_key, old, new)

    def _apply_block(self, block_key: BlockKey, old: bytes | None, new: bytes | None) -> None:
        resolution, block, cell = block_key
        labels = LabelSet(cell.view, cell.values)
        aggregate = self.aggregates.get(cell.aggregate)
        names = self.config.views.get(cell.view)
        if aggregate is None or names is None or len(names) != len(cell.values):
            return
        delta = block_difference(old, new)
        if not delta:
            return
        sums = self._sums_for(aggregate, labels)
        if resolution == RUNNING_TOTAL.code:
            self._accumulate(sums, STOCK_RANGE, self.all_windows, cell.own_labels, delta)
        elif resolution == OPEN_ITEM_MINUTES.code:
            for minute, component, n in unpack_block(resolution, block, delta):
                self._accumulate(sums, STOCK_RANGE, self.all_windows, minute, {component: n})
        else:
            self._apply_flow(sums, cell.own_labels, resolution, block, delta)
        if not sums.cells and not sums.sums:
            self._remove_sums(sums)

    def _apply_flow(
        self, sums: LabelSetSums, own_labels: OwnLabels, resolution: int, block: int, delta: Vector
    ) -> None:
        """Add the change of a block of a flow."""
        cell_ref = sums.cell(own_labels)
        self._blocks.add(resolution, block, cell_ref, delta)
        for observer in self._observers:
            observer(sums.aggregate.name, sums.labels, resolution, block, delta)
        for window_range in self._ranges_of[sums.aggregate.name, resolution]:
            if vector := sum_range(resolution, block, delta, window_range.first, window_range.last):
                self._accumulate(sums, window_range.range_id, window_range.window_mask, own_labels, vector)
        if not cell_ref.blocks:
            del sums.cells[own_labels]

    def advance(self, now: int) -> CooperativeSteps:
        """Move every edge to its position at `now` (ms), forward or back.

        Buckets that enter are added, those that leave subtracted.
        """
        for window_range in self._ranges:
            edges = window_range.edges(now)
            if edges == (window_range.first, window_range.last):
                continue
            for first, last, sign in _moved(window_range.first, window_range.last, *edges):
                for cell_ref, vector in self._between(window_range, first, last):
                    self._accumulate(
                        cell_ref.sums,
                        window_range.range_id,
                        window_range.window_mask,
                        cell_ref.own_labels,
                        vector,
                        sign,
                    )
                    yield
            window_range.first, window_range.last = edges
        if now // MINUTE != self._minute:
            self._minute = now // MINUTE
            self._age_open_items()

    def _age_open_items(self) -> None:
        """Mark all open items as changed, because metrics read their age."""
        open_items = [name for name, aggregate in self.aggregates.items() if aggregate.kind == "open_items"]
        for sums_by_aggregate in self._label_set_sums.values():
            for name in open_items:
                if (sums := sums_by_aggregate.get(name)) is not None:
                    self._mark_changed(sums, self.all_windows)

    def _between(self, window_range: WindowRange, first: int, last: int) -> Iterator[tuple[CellRef, Vector]]:
        return self._blocks.between(window_range.resolution.code, first, last, window_range.aggregates)

    def verify(self) -> CooperativeSteps:
        """Compute all sums again from the blocks. A sum that differs is replaced and counted as a repair."""
        parts_by_sum: dict[tuple[int, frozenset[str]], list[WindowRange]] = {}
        for window_range in self._ranges:
            parts_by_sum.setdefault((window_range.range_id, window_range.aggregates), []).append(window_range)
        for parts in parts_by_sum.values():
            window_range = parts[0]
            computed: dict[LabelSetSums, dict[Any, Vector]] = {}
            for part in parts:
                for cell_ref, vector in self._between(part, part.first, part.last):
                    for sums in _with_other(cell_ref.sums):
                        add(computed.setdefault(sums, {}).setdefault(cell_ref.own_labels, {}), vector)
                    yield
            for sums in self._all_sums(window_range.aggregates):
                correct = {
                    own_labels: vector for own_labels, vector in computed.get(sums, {}).items() if vector
                }
                if sums.sums.get(window_range.range_id, {}) != correct:
                    self.repairs += 1
                    sums.replace(window_range.range_id, correct)
                    self._mark_changed(sums, window_range.window_mask)
            yield

    def apply_policy(self, policy: CardinalityPolicy) -> CooperativeSteps:
        """Fold label sets as a new policy requires, and unfold the others."""
        self.cardinality_policy = policy
        self.has_new_label_sets = False
        for labels, sums_by_aggregate in self._label_set_sums.items():
            for sums in sums_by_aggregate.values():
                self._assign_shown(sums, policy.shown_as(labels))
            yield
        used = {
            sums.shown_in
            for sums_by_aggregate in self._label_set_sums.values()
            for sums in sums_by_aggregate.values()
        }
        self._other_sums = {key: other for key, other in self._other_sums.items() if other in used}

    def _assign_shown(self, sums: LabelSetSums, shown: LabelSet) -> None:
        """Add sums to the `__other__` under which they are shown, if any, and remove them from the previous one."""
        old = sums.shown_in
        new = self._other_sums_for(sums.aggregate, shown) if OTHER_VALUE in shown.values else None
        if old is new:
            return
        self._mark_changed(sums, self.everything)
        for range_id, vectors in sums.sums.items():
            for key, vector in vectors.items():
                if old is not None:
                    old.accumulate(range_id, key, vector, -1)
                if new is not None:
                    new.accumulate(range_id, key, vector)
        sums.shown_in = new
        self._mark_changed(sums, self.everything)

    def event_counts(self) -> Iterator[tuple[LabelSet, EventCount]]:
        """Yield the number of events of each label set and aggregate in the longest window."""
        longest = max(range(len(self.config.windows)), key=lambda number: self.config.windows[number].span)
        unfinished: dict[LabelSetSums, int] = {}
        for window_range in self._ranges:
            if window_range.range_id == longest:
                for cell_ref, vector in self._between(window_range, window_range.last, window_range.last):
                    unfinished[cell_ref.sums] = unfinished.get(cell_ref.sums, 0) + _event_count(
                        cell_ref.sums.aggregate, vector
                    )
        for labels, sums_by_aggregate in self._label_set_sums.items():
            for sums in sums_by_aggregate.values():
                total = sum(_event_count(sums.aggregate, v) for v in sums.sums.get(longest, {}).values())
                yield labels, EventCount(total - unfinished.get(sums, 0), total)

    def shown_sums(self, aggregate: str, labels: LabelSet) -> LabelSetSums | None:
        """Return the sums shown under a label set, None if there are none or they are folded into another."""
        if OTHER_VALUE in labels.values:
            return self._other_sums.get((aggregate, labels))
        sums = self._label_set_sums.get(labels, {}).get(aggregate)
        return sums if sums is not None and sums.shown_in is None else None

    def has_data(self, aggregate: str, labels: LabelSet) -> bool:
        """Return whether a configured window or a stock has data of an aggregate under a shown label set."""
        sums = self.shown_sums(aggregate, labels)
        return sums is not None and not self._visible.isdisjoint(sums.sums)

    def has_previous_data(self, aggregate: str, labels: LabelSet) -> bool:
        """Return whether a window before a configured one has data of an aggregate under a shown label set."""
        sums = self.shown_sums(aggregate, labels)
        return sums is not None and any(range_id >= 2 * self.range_count for range_id in sums.sums)

    def previous_start(self, number: int) -> int:
        """Return the beginning of the window before a configured one, in ms. `number` is the number of that one."""
        return self.edges(2 * self.range_count + number)[0] * self.config.windows[number].resolution.step

    def edges(self, range_id: int) -> tuple[int, int]:
        """Return the first and last bucket of a window's flows. The range is empty before its first move."""
        return next(
            (
                (window_range.first, window_range.last)
                for window_range in self._ranges
                if window_range.range_id == range_id
            ),
            (0, -1),
        )

    def buckets(
        self, aggregate: str, labels: LabelSet, range_id: int
    ) -> Iterator[tuple[OwnLabels, int, int, int]]:
        """Yield own labels, bucket, component and integer of a flow's entries in a window. `__other__` has none."""
        sums = self.shown_sums(aggregate, labels)
        if sums is None:
            return
        for part in self._ranges:
            if part.range_id != range_id or aggregate not in part.aggregates:
                continue
            per_bucket = part.window.resolution.step // part.resolution.step
            for own_labels, cell_ref in sums.cells.items():
                for bucket, component, n in self._blocks.of_cell(
                    cell_ref, part.resolution.code, part.first, part.last
                ):
                    yield own_labels, bucket // per_bucket, component, n

    def between(
        self, aggregate: str, labels: LabelSet, resolution: int, first: int, last: int
    ) -> Iterator[tuple[OwnLabels, int, int]]:
        """Yield own labels, component and integer of a flow's entries in the buckets `first` to `last` of a resolution.

        `__other__` has none. Panes of minutes and quarter-hours are kept for two windows: see `time_buckets`.
        """
        sums = self.shown_sums(aggregate, labels)
        for own_labels, cell_ref in () if sums is None else sums.cells.items():
            for _, component, n in self._blocks.of_cell(cell_ref, resolution, first, last):
                yield own_labels, component, n

    def hour_blocks(self, first: int, last: int) -> Iterator[tuple[CellRef, PackedBlock]]:
        """Yield the blocks of hours that contain any of the hours `first` to `last` (since the epoch), with their cells."""
        return self._blocks.packed_between(HOURS.code, first, last)

    def label_sets(self) -> KeysView[LabelSet]:
        """Return all label sets, shown or folded."""
        return self._label_set_sums.keys()

    def _sums_for(self, aggregate: Aggregate, labels: LabelSet) -> LabelSetSums:
        sums_by_aggregate = self._label_set_sums.get(labels)
        if sums_by_aggregate is None:
            sums_by_aggregate = self._label_set_sums[labels] = {}
            self.has_new_label_sets = True
        sums = sums_by_aggregate.get(aggregate.name)
        if sums is None:
            sums = sums_by_aggregate[aggregate.name] = LabelSetSums(aggregate, labels)
            self._assign_shown(sums, self.cardinality_policy.shown_as(labels))
        return sums

    def _other_sums_for(self, aggregate: Aggregate, labels: LabelSet) -> LabelSetSums:
        sums = self._other_sums.get((aggregate.name, labels))
        if sums is None:
            sums = self._other_sums[aggregate.name, labels] = LabelSetSums(aggregate, labels)
        return sums

    def _remove_sums(self, sums: LabelSetSums) -> None:
        sums_by_aggregate = self._label_set_sums[sums.labels]
        del sums_by_aggregate[sums.aggregate.name]
        if not sums_by_aggregate:
            del self._label_set_sums[sums.labels]

    def _all_sums(self, aggregates: Container[str]) -> Iterator[LabelSetSums]:
        for sums_by_aggregate in self._label_set_sums.values():
            yield from (sums for name, sums in sums_by_aggregate.items() if name in aggregates)
        yield from (sums for (name, _), sums in self._other_sums.items() if name in aggregates)

    def _accumulate(
        self,
        sums: LabelSetSums,
        range_id: int,
        window_mask: int,
        key: tuple[str, ...] | int,
        vector: Vector,
        sign: int = 1,
    ) -> None:
        for target in _with_other(sums):
            target.accumulate(range_id, key, vector, sign)
        self._mark_changed(sums, window_mask)

    def _mark_changed(self, sums: LabelSetSums, window_mask: int) -> None:
        shown = sums.shown_in or sums
        self.changed[shown] = self.changed.get(shown, 0) | window_mask


def _moved(first: int, last: int, new_first: int, new_last: int) -> Iterator[tuple[int, int, int]]:
    """Yield the buckets that leave a moved range with sign -1, and those that enter with sign 1. Some are empty."""
    yield first, min(new_first - 1, last), -1
    yield max(new_last + 1, first), last, -1
    yield new_first, min(first - 1, new_last), 1
    yield max(last + 1, new_first), new_last, 1


def _with_other(sums: LabelSetSums) -> tuple[LabelSetSums, ...]:
    return (sums,) if sums.shown_in is None else (sums, sums.shown_in)


def _event_count(aggregate: Aggregate, vector: Vector) -> int:
    return sum(vector.get(c, 0) for c in aggregate.event_components) if aggregate.kind == "flow" else 0


def _windows(config: AggregationConfig, all_windows: int) -> Iterator[tuple[Window, int]]:
    """Yield the configured windows and that of 30 days, each with the mask of windows to read when it changes.

    Series of any window, and those without one, may read the last 30 days.
    """
    for number, window in enumerate(config.windows):
        yield window, all_windows if window.span == MIN_HOUR_RETENTION else 1 << number
    if all(window.span != MIN_HOUR_RETENTION for window in config.windows):
        yield Window("", MIN_HOUR_RETENTION), all_windows
