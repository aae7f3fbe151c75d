"""Reading figures out of windows: what metrics see, and which of them have to be read again."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.core.buckets import Window
from stream.core.metric import Metric, Sample
from stream.core.rules import Rules
from stream.core.tally import Cells
from stream.core.windowing.groups import TOTAL, LabelSet
from stream.core.windows import STOCK, Windows


class Reading(NamedTuple):
    """The figures of a metric for one label set: of one window, by its number, or the stock figures (None).

    They replace those read before. `gone`: the metric has nothing of that label set any more.
    """

    metric: Metric
    labels: LabelSet
    window: int | None
    samples: Sequence[Sample]
    gone: bool = False


class View:
    """A `Sight` on one label set and, but for stock figures, one window."""

    def __init__(self, windows: Windows, labels: LabelSet, now: int, slot: int) -> None:
        self.now = now
        self._windows = windows
        self._labels = labels
        self._slot = slot

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._windows.rules

    @property
    def total(self) -> bool:
        """Whether this is the view of everything."""
        return self._labels == TOTAL

    def flow(self, tally: str) -> Cells:
        """Sums over the window."""
        return self._sums(tally, self._slot)

    def month(self, tally: str) -> Cells:
        """Sums over 30 d."""
        return self._sums(tally, self._windows.month)

    def shifted(self, tally: str) -> Cells:
        """Sums over the window moved back."""
        return self._sums(tally, self._windows.slots + self._slot)

    def stock(self, tally: str) -> Cells:
        """Running totals."""
        return self._sums(tally, STOCK)

    def standing(self, tally: str) -> dict[int, dict[int, int]]:
        """Minute number to vector."""
        group = self._windows.shown(tally, self._labels)
        return {} if group is None else group.sums.get(STOCK, {})

    def _sums(self, tally: str, slot: int) -> Cells:
        group = self._windows.shown(tally, self._labels)
        return {} if group is None else group.sums.get(slot, {})


class Readout:
    """Reads again what has changed since the last time.

    `total` is always there, other label sets while they hold something of a metric.
    """

    def __init__(self, windows: Windows, metrics: Sequence[Metric]) -> None:
        self._windows = windows
        self._metrics = metrics
        self._readers: dict[str, list[int]] = {}
        for number, metric in enumerate(metrics):
            for tally in metric.tallies:
                self._readers.setdefault(tally.name, []).append(number)
        self._there: set[tuple[int, LabelSet]] = set()
        self._again: set[LabelSet] = set()

    def forget(self) -> None:
        """Read everything anew the next time, as if nothing had been read yet."""
        self._again = {labels for _, labels in self._there}
        self._there.clear()

    def read(self, now: int) -> Iterator[Reading]:
        """All that has to be replaced; to be read to its end."""
        for (number, labels), bits in self._stale().items():
            there = (number, labels) in self._there
            if labels != TOTAL and not self._holds(number, labels):
                if there:
                    self._there.discard((number, labels))
                    yield Reading(self._metrics[number], labels, None, (), gone=True)
                continue
            self._there.add((number, labels))
            yield from self._read(number, labels, bits if there else self._windows.everything, now)

    def _stale(self) -> dict[tuple[int, LabelSet], int]:
        """What to look at, and which windows: bits as in `Windows.changed`."""
        changed, self._windows.changed = self._windows.changed, {}
        again, self._again = self._again | {TOTAL}, set()
        stale = {
            (number, labels): 0
            for labels in again
            for number in range(len(self._metrics))
            if (number, labels) not in self._there
        }
        for group, bits in changed.items():
            for number in self._readers[group.tally.name]:
                key = (number, group.labels)
                stale[key] = stale.get(key, 0) | bits
        return stale

    def _holds(self, number: int, labels: LabelSet) -> bool:
        return any(self._windows.holds(tally.name, labels) for tally in self._metrics[number].tallies)

    def _read(self, number: int, labels: LabelSet, bits: int, now: int) -> Iterator[Reading]:
        metric = self._metrics[number]
        windows: tuple[Window, ...] = self._windows.rules.windows
        if metric.read is not None:
            for slot, window in enumerate(windows):
                if bits >> slot & 1:
                    samples = list(metric.read(View(self._windows, labels, now, slot), window))
                    yield Reading(metric, labels, slot, samples)
        if metric.read_stock is not None and bits >> len(windows) & 1:
            view = View(self._windows, labels, now, self._windows.month)
            yield Reading(metric, labels, None, list(metric.read_stock(view)))
