"""The rolling windows of one domain, kept up to date over the panes of all its partitions."""

from collections.abc import Container, Iterator, KeysView, Sequence
from typing import Any

from stream.core.metrics.metric import Metric
from stream.core.model.aggregate import Aggregate, OwnLabels, Vector, add
from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig
from stream.core.model.pane_blocks import decode_key, unpack_block
from stream.core.model.time_buckets import (
    MIN_HOUR_RETENTION,
    MINUTE,
    OPEN_ITEM_MINUTES,
    ROLLING,
    RUNNING_TOTAL,
    Window,
)
from stream.core.windows.cardinality import CardinalityPolicy, EventCount
from stream.core.windows.label_sets import CellRef, LabelSet, LabelSetSums
from stream.core.windows.ranges import WindowRange, window_ranges
from stream.core.windows.summed_blocks import SummedBlocks, block_difference, sum_range

CooperativeSteps = Iterator[None]
"""Work cut into short steps: whoever runs it may pause between two, but must change nothing meanwhile."""
STOCK_RANGE = -1
"""The slot of running totals and of what stands."""


class RollingWindows:
    """Sums by label set, tally and window. Changes come in as blocks, the clock moves the edges.

    `changed` collects the groups to be read out again, with one bit for each window and one for stock figures.
    """

    def __init__(self, config: AggregationConfig, metrics: Sequence[Metric]) -> None:
        self.config = config
        self.aggregates = {aggregate.name: aggregate for metric in metrics for aggregate in metric.aggregates}
        self.cardinality_policy = CardinalityPolicy(config.views, {})
        self.changed: dict[LabelSetSums, int] = {}
        self.has_new_label_sets = False
        """Whether there are label sets that the last decision on folding did not know."""
        self.repairs = 0
        """Sums that an hourly check found wrong."""
        self.all_windows = (1 << len(config.windows) + 1) - 1
        self._label_set_sums: dict[LabelSet, dict[str, LabelSetSums]] = {}
        self._other_sums: dict[tuple[str, LabelSet], LabelSetSums] = {}
        self._blocks = SummedBlocks()
        windows = list(_windows(config, self.all_windows))
        self.last_30_days = next(slot for slot, (w, _) in enumerate(windows) if w.span == MIN_HOUR_RETENTION)
        self.range_count = len(windows)
        n = len(config.windows)
        self._visible = frozenset((STOCK_RANGE, *range(n), *range(self.range_count, self.range_count + n)))
        self._ranges = list(window_ranges(windows, self.aggregates.values()))
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

    def apply(self, key: bytes, old: bytes | None, new: bytes | None) -> None:
        """The record `key` of a partition changed from `old` to `new`; what is not of our metrics and views is left."""
        resolution, block, cell = decode_key(key)
        labels = LabelSet(cell.view, cell.values)
        aggregate = self.aggregates.get(cell.aggregate)
        if aggregate is None or len(self.config.views.get(cell.view, ())) != len(cell.values):
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
            cell_ref = sums.cell(cell.own_labels)
            self._blocks.add(resolution, block, cell_ref, delta)
            for window_range in self._ranges_of[aggregate.name, resolution]:
                if vector := sum_range(resolution, block, delta, window_range.first, window_range.last):
                    self._accumulate(
                        sums, window_range.range_id, window_range.window_mask, cell_ref.own_labels, vector
                    )
            if not cell_ref.blocks:
                del sums.cells[cell_ref.own_labels]
        if not sums.cells and not sums.sums:
            self._remove_sums(sums)

    def advance(self, now: int) -> CooperativeSteps:
        """Move every edge to where it is at `now` ms: buckets that enter are added, those that leave taken off."""
        for window_range in self._ranges:
            first, last = window_range.edges(now)
            for cell_ref, vector in self._between(
                window_range, window_range.first, min(first - 1, window_range.last)
            ):
                self._accumulate(
                    cell_ref.sums,
                    window_range.range_id,
                    window_range.window_mask,
                    cell_ref.own_labels,
                    vector,
                    -1,
                )
                yield
            for cell_ref, vector in self._between(window_range, max(window_range.last + 1, first), last):
                self._accumulate(
                    cell_ref.sums,
                    window_range.range_id,
                    window_range.window_mask,
                    cell_ref.own_labels,
                    vector,
                )
                yield
            window_range.first, window_range.last = first, last
        if now // MINUTE > self._minute:
            self._minute = now // MINUTE
            self._age_open_items()

    def _age_open_items(self) -> None:
        """What stands is a minute older."""
        ageing = [name for name, aggregate in self.aggregates.items() if aggregate.kind == "open_items"]
        for groups in self._label_set_sums.values():
            for name in ageing:
                if (sums := groups.get(name)) is not None:
                    self._mark_changed(sums, self.all_windows)

    def _between(self, window_range: WindowRange, first: int, last: int) -> Iterator[tuple[CellRef, Vector]]:
        return self._blocks.between(window_range.resolution.code, first, last, window_range.aggregates)

    def verify(self) -> CooperativeSteps:
        """Sum every window anew; where that differs from what is kept, take it and count a repair."""
        for window_range in self._ranges:
            fresh: dict[LabelSetSums, dict[Any, Vector]] = {}
            for cell_ref, vector in self._between(window_range, window_range.first, window_range.last):
                for sums in _with_other(cell_ref.sums):
                    add(fresh.setdefault(sums, {}).setdefault(cell_ref.own_labels, {}), vector)
                yield
            for sums in self._all_sums(window_range.aggregates):
                right = {own_labels: vector for own_labels, vector in fresh.get(sums, {}).items() if vector}
                if sums.sums.get(window_range.range_id, {}) != right:
                    self.repairs += 1
                    sums.replace(window_range.range_id, right)
                    self._mark_changed(sums, window_range.window_mask)
            yield

    def apply_policy(self, policy: CardinalityPolicy) -> CooperativeSteps:
        """Show label sets as a new decision says."""
        self.cardinality_policy = policy
        self.has_new_label_sets = False
        for labels, groups in self._label_set_sums.items():
            for sums in groups.values():
                self._assign_shown(sums, policy.shown_as(labels))
            yield
        joined = {group.shown_in for groups in self._label_set_sums.values() for group in groups.values()}
        self._other_sums = {key: group for key, group in self._other_sums.items() if group in joined}

    def _assign_shown(self, sums: LabelSetSums, shown: LabelSet) -> None:
        """Let a group count for the label set under which it is shown, and no more for another."""
        old = sums.shown_in
        new = self._other_sums_for(sums.aggregate, shown) if OTHER_VALUE in shown.values else None
        if old is new:
            return
        self._mark_changed(sums, self.all_windows)
        for slot, cells in sums.sums.items():
            for key, vector in cells.items():
                if old is not None:
                    old.accumulate(slot, key, vector, -1)
                if new is not None:
                    new.accumulate(slot, key, vector)
        sums.shown_in = new
        self._mark_changed(sums, self.all_windows)

    def event_counts(self) -> Iterator[tuple[LabelSet, EventCount]]:
        """How many events each label set has in the longest window."""
        longest = max(range(len(self.config.windows)), key=lambda slot: self.config.windows[slot].span)
        open_: dict[LabelSetSums, int] = {}
        for window_range in self._ranges:
            if window_range.range_id == longest:
                for cell_ref, vector in self._between(window_range, window_range.last, window_range.last):
                    open_[cell_ref.sums] = open_.get(cell_ref.sums, 0) + _event_count(
                        cell_ref.sums.aggregate, vector
                    )
        for labels, groups in self._label_set_sums.items():
            for sums in groups.values():
                total = sum(_event_count(sums.aggregate, v) for v in sums.sums.get(longest, {}).values())
                yield labels, EventCount(total - open_.get(sums, 0), total)

    def shown_sums(self, aggregate: str, labels: LabelSet) -> LabelSetSums | None:
        """The group that is shown for a label set."""
        if OTHER_VALUE in labels.values:
            return self._other_sums.get((aggregate, labels))
        sums = self._label_set_sums.get(labels, {}).get(aggregate)
        return sums if sums is not None and sums.shown_in is None else None

    def has_data(self, aggregate: str, labels: LabelSet) -> bool:
        """Whether a window in force or a stock has something of a tally for a label set that is shown."""
        sums = self.shown_sums(aggregate, labels)
        return sums is not None and not self._visible.isdisjoint(sums.sums)

    def edges(self, slot: int) -> tuple[int, int]:
        """First and last bucket of a window that flows are summed over; an empty range before it was first moved."""
        return next(
            (
                (window_range.first, window_range.last)
                for window_range in self._ranges
                if window_range.range_id == slot
            ),
            (0, -1),
        )

    def buckets(
        self, aggregate: str, labels: LabelSet, slot: int
    ) -> Iterator[tuple[OwnLabels, int, int, int]]:
        """Extra, bucket, component and sum of what a window holds of a flow; nothing for what is shown together."""
        sums = self.shown_sums(aggregate, labels)
        window_range = next(
            (lane for lane in self._ranges if lane.range_id == slot and aggregate in lane.aggregates), None
        )
        if sums is not None and window_range is not None:
            for own_labels, cell_ref in sums.cells.items():
                for entry in self._blocks.of_cell(
                    cell_ref, window_range.resolution.code, window_range.first, window_range.last
                ):
                    yield own_labels, *entry

    def label_sets(self) -> KeysView[LabelSet]:
        """Every label set that there is, shown or folded."""
        return self._label_set_sums.keys()

    def _sums_for(self, aggregate: Aggregate, labels: LabelSet) -> LabelSetSums:
        groups = self._label_set_sums.get(labels)
        if groups is None:
            groups = self._label_set_sums[labels] = {}
            self.has_new_label_sets = True
        sums = groups.get(aggregate.name)
        if sums is None:
            sums = groups[aggregate.name] = LabelSetSums(aggregate, labels)
            self._assign_shown(sums, self.cardinality_policy.shown_as(labels))
        return sums

    def _other_sums_for(self, aggregate: Aggregate, labels: LabelSet) -> LabelSetSums:
        sums = self._other_sums.get((aggregate.name, labels))
        if sums is None:
            sums = self._other_sums[aggregate.name, labels] = LabelSetSums(aggregate, labels)
        return sums

    def _remove_sums(self, sums: LabelSetSums) -> None:
        groups = self._label_set_sums[sums.labels]
        del groups[sums.aggregate.name]
        if not groups:
            del self._label_set_sums[sums.labels]

    def _all_sums(self, aggregates: Container[str]) -> Iterator[LabelSetSums]:
        for groups in self._label_set_sums.values():
            yield from (group for name, group in groups.items() if name in aggregates)
        yield from (sums for (name, _), sums in self._other_sums.items() if name in aggregates)

    def _accumulate(
        self,
        sums: LabelSetSums,
        slot: int,
        bits: int,
        key: tuple[str, ...] | int,
        vector: Vector,
        sign: int = 1,
    ) -> None:
        for each in _with_other(sums):
            each.accumulate(slot, key, vector, sign)
        self._mark_changed(sums, bits)

    def _mark_changed(self, sums: LabelSetSums, bits: int) -> None:
        shown = sums.shown_in or sums
        self.changed[shown] = self.changed.get(shown, 0) | bits


def _with_other(sums: LabelSetSums) -> tuple[LabelSetSums, ...]:
    return (sums,) if sums.shown_in is None else (sums, sums.shown_in)


def _event_count(aggregate: Aggregate, vector: Vector) -> int:
    return sum(vector.get(c, 0) for c in aggregate.event_components) if aggregate.kind == "flow" else 0


def _windows(config: AggregationConfig, everything: int) -> Iterator[tuple[Window, int]]:
    """The windows in force, each with what to read again; and that of 30 d, which every figure may look at."""
    for slot, window in enumerate(config.windows):
        yield window, everything if window.span == MIN_HOUR_RETENTION else 1 << slot
    if all(window.span != MIN_HOUR_RETENTION for window in config.windows):
        yield Window("", MIN_HOUR_RETENTION), everything
