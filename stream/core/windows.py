"""The rolling windows of one domain, kept up to date over the panes of all its partitions."""

from collections.abc import Container, Iterator, KeysView, Sequence
from typing import Any

from stream.core.buckets import MINUTE, ROLLING, SHORTEST_LONG, STANDING, TOTAL, Window
from stream.core.metric import Metric
from stream.core.panes import decode_key, unpack
from stream.core.rules import OTHER, Rules
from stream.core.tally import Extra, Tally, Vector, add
from stream.core.windowing.blocks import Blocks, difference, within
from stream.core.windowing.fold import Fold, Weight
from stream.core.windowing.groups import Group, LabelSet, Place
from stream.core.windowing.lanes import Lane, lanes

Steps = Iterator[None]
"""Work cut into short steps: whoever runs it may pause between two, but must change nothing meanwhile."""
STOCK = -1
"""The slot of running totals and of what stands."""


class Windows:
    """Sums by label set, tally and window. Changes come in as blocks, the clock moves the edges.

    `changed` collects the groups to be read out again, with one bit for each window and one for stock figures.
    """

    def __init__(self, rules: Rules, metrics: Sequence[Metric]) -> None:
        self.rules = rules
        self.tallies = {tally.name: tally for metric in metrics for tally in metric.tallies}
        self.fold = Fold(rules.views, {})
        self.changed: dict[Group, int] = {}
        self.appeared = False
        """Whether there are label sets that the last decision on folding did not know."""
        self.repairs = 0
        """Sums that an hourly check found wrong."""
        self.everything = (1 << len(rules.windows) + 1) - 1
        self._groups: dict[LabelSet, dict[str, Group]] = {}
        self._others: dict[tuple[str, LabelSet], Group] = {}
        self._blocks = Blocks()
        windows = list(_windows(rules, self.everything))
        self.month = next(slot for slot, (w, _) in enumerate(windows) if w.span == SHORTEST_LONG)
        self.slots = len(windows)
        n = len(rules.windows)
        self._visible = frozenset((STOCK, *range(n), *range(self.slots, self.slots + n)))
        self._lanes = list(lanes(windows, self.tallies.values()))
        self._lanes_of: dict[tuple[str, int], list[Lane]] = {
            (name, resolution.code): [
                lane for lane in self._lanes if name in lane.tallies and lane.resolution is resolution
            ]
            for name in self.tallies
            for resolution in ROLLING
        }
        self._minute = 0

    def apply(self, key: bytes, old: bytes | None, new: bytes | None) -> None:
        """The record `key` of a partition changed from `old` to `new`; what is not of our metrics and views is left."""
        resolution, block, cell = decode_key(key)
        labels = LabelSet(cell.view, cell.values)
        tally = self.tallies.get(cell.tally)
        if tally is None or len(self.rules.views.get(cell.view, ())) != len(cell.values):
            return
        delta = difference(old, new)
        if not delta:
            return
        group = self._group(tally, labels)
        if resolution == TOTAL.code:
            self._post(group, STOCK, self.everything, cell.extra, delta)
        elif resolution == STANDING.code:
            for minute, component, n in unpack(resolution, block, delta):
                self._post(group, STOCK, self.everything, minute, {component: n})
        else:
            place = group.place(cell.extra)
            self._blocks.change(resolution, block, place, delta)
            for lane in self._lanes_of[tally.name, resolution]:
                if vector := within(resolution, block, delta, lane.first, lane.last):
                    self._post(group, lane.slot, lane.bits, place.extra, vector)
            if not place.blocks:
                del group.places[place.extra]
        if not group.places and not group.sums:
            self._drop(group)

    def advance(self, now: int) -> Steps:
        """Move every edge to where it is at `now` ms: buckets that enter are added, those that leave taken off."""
        for lane in self._lanes:
            first, last = lane.edges(now)
            for place, vector in self._between(lane, lane.first, min(first - 1, lane.last)):
                self._post(place.group, lane.slot, lane.bits, place.extra, vector, -1)
                yield
            for place, vector in self._between(lane, max(lane.last + 1, first), last):
                self._post(place.group, lane.slot, lane.bits, place.extra, vector)
                yield
            lane.first, lane.last = first, last
        if now // MINUTE > self._minute:
            self._minute = now // MINUTE
            self._age()

    def _age(self) -> None:
        """What stands is a minute older."""
        ageing = [name for name, tally in self.tallies.items() if tally.kind == "standing"]
        for groups in self._groups.values():
            for name in ageing:
                if (group := groups.get(name)) is not None:
                    self._mark(group, self.everything)

    def _between(self, lane: Lane, first: int, last: int) -> Iterator[tuple[Place, Vector]]:
        return self._blocks.between(lane.resolution.code, first, last, lane.tallies)

    def check(self) -> Steps:
        """Sum every window anew; where that differs from what is kept, take it and count a repair."""
        for lane in self._lanes:
            fresh: dict[Group, dict[Any, Vector]] = {}
            for place, vector in self._between(lane, lane.first, lane.last):
                for group in _both(place.group):
                    add(fresh.setdefault(group, {}).setdefault(place.extra, {}), vector)
                yield
            for group in self._all(lane.tallies):
                right = {extra: vector for extra, vector in fresh.get(group, {}).items() if vector}
                if group.sums.get(lane.slot, {}) != right:
                    self.repairs += 1
                    group.replace(lane.slot, right)
                    self._mark(group, lane.bits)
            yield

    def refold(self, fold: Fold) -> Steps:
        """Show label sets as a new decision says."""
        self.fold = fold
        self.appeared = False
        for labels, groups in self._groups.items():
            for group in groups.values():
                self._join(group, fold.shown(labels))
            yield
        joined = {group.folded for groups in self._groups.values() for group in groups.values()}
        self._others = {key: group for key, group in self._others.items() if group in joined}

    def _join(self, group: Group, shown: LabelSet) -> None:
        """Let a group count for the label set under which it is shown, and no more for another."""
        old = group.folded
        new = self._other(group.tally, shown) if OTHER in shown.values else None
        if old is new:
            return
        self._mark(group, self.everything)
        for slot, cells in group.sums.items():
            for key, vector in cells.items():
                if old is not None:
                    old.post(slot, key, vector, -1)
                if new is not None:
                    new.post(slot, key, vector)
        group.folded = new
        self._mark(group, self.everything)

    def weights(self) -> Iterator[tuple[LabelSet, Weight]]:
        """How many events each label set has in the longest window."""
        longest = max(range(len(self.rules.windows)), key=lambda slot: self.rules.windows[slot].span)
        open_: dict[Group, int] = {}
        for lane in self._lanes:
            if lane.slot == longest:
                for place, vector in self._between(lane, lane.last, lane.last):
                    open_[place.group] = open_.get(place.group, 0) + _events(place.group.tally, vector)
        for labels, groups in self._groups.items():
            for group in groups.values():
                total = sum(_events(group.tally, v) for v in group.sums.get(longest, {}).values())
                yield labels, Weight(total - open_.get(group, 0), total)

    def shown(self, tally: str, labels: LabelSet) -> Group | None:
        """The group that is shown for a label set."""
        if OTHER in labels.values:
            return self._others.get((tally, labels))
        group = self._groups.get(labels, {}).get(tally)
        return group if group is not None and group.folded is None else None

    def holds(self, tally: str, labels: LabelSet) -> bool:
        """Whether a window in force or a stock has something of a tally for a label set that is shown."""
        group = self.shown(tally, labels)
        return group is not None and not self._visible.isdisjoint(group.sums)

    def edges(self, slot: int) -> tuple[int, int]:
        """First and last bucket of a window that flows are summed over; an empty range before it was first moved."""
        return next(((lane.first, lane.last) for lane in self._lanes if lane.slot == slot), (0, -1))

    def buckets(self, tally: str, labels: LabelSet, slot: int) -> Iterator[tuple[Extra, int, int, int]]:
        """Extra, bucket, component and sum of what a window holds of a flow; nothing for what is shown together."""
        group = self.shown(tally, labels)
        lane = next((lane for lane in self._lanes if lane.slot == slot and tally in lane.tallies), None)
        if group is not None and lane is not None:
            for extra, place in group.places.items():
                for found in self._blocks.of(place, lane.resolution.code, lane.first, lane.last):
                    yield extra, *found

    def label_sets(self) -> KeysView[LabelSet]:
        """Every label set that there is, shown or folded."""
        return self._groups.keys()

    def _group(self, tally: Tally, labels: LabelSet) -> Group:
        groups = self._groups.get(labels)
        if groups is None:
            groups = self._groups[labels] = {}
            self.appeared = True
        group = groups.get(tally.name)
        if group is None:
            group = groups[tally.name] = Group(tally, labels)
            self._join(group, self.fold.shown(labels))
        return group

    def _other(self, tally: Tally, labels: LabelSet) -> Group:
        group = self._others.get((tally.name, labels))
        if group is None:
            group = self._others[tally.name, labels] = Group(tally, labels)
        return group

    def _drop(self, group: Group) -> None:
        groups = self._groups[group.labels]
        del groups[group.tally.name]
        if not groups:
            del self._groups[group.labels]

    def _all(self, tallies: Container[str]) -> Iterator[Group]:
        for groups in self._groups.values():
            yield from (group for name, group in groups.items() if name in tallies)
        yield from (group for (name, _), group in self._others.items() if name in tallies)

    def _post(
        self, group: Group, slot: int, bits: int, key: tuple[str, ...] | int, vector: Vector, sign: int = 1
    ) -> None:
        for each in _both(group):
            each.post(slot, key, vector, sign)
        self._mark(group, bits)

    def _mark(self, group: Group, bits: int) -> None:
        shown = group.folded or group
        self.changed[shown] = self.changed.get(shown, 0) | bits


def _both(group: Group) -> tuple[Group, ...]:
    return (group,) if group.folded is None else (group, group.folded)


def _events(tally: Tally, vector: Vector) -> int:
    return sum(vector.get(c, 0) for c in tally.counts) if tally.kind == "flow" else 0


def _windows(rules: Rules, everything: int) -> Iterator[tuple[Window, int]]:
    """The windows in force, each with what to read again; and that of 30 d, which every figure may look at."""
    for slot, window in enumerate(rules.windows):
        yield window, everything if window.span == SHORTEST_LONG else 1 << slot
    if all(window.span != SHORTEST_LONG for window in rules.windows):
        yield Window("", SHORTEST_LONG), everything
