"""The ranges of buckets whose sums are kept."""

from collections.abc import Iterable, Iterator

from stream.core.model.aggregate import Aggregate
from stream.core.model.time_buckets import DAY, MINUTES, Resolution, Window

LAG = 7 * DAY
"""Of lagged aggregates, windows of at least this length in ms are also kept moved back by it and one bucket."""
UNBOUNDED = 1 << 62
"""The last bucket of a range without an upper end."""


class WindowRange:
    """The buckets `first` to `last` of a window for some aggregates. A range is empty until its first move.

    Attributes:
        range_id: the key of its sums in `LabelSetSums.sums`
        window_mask: the windows to read again when its sums change, one bit each. The bit after those of the
            windows stands for series without a window
        aggregates: names of the aggregates that are summed
    """

    __slots__ = ("_back", "_open", "aggregates", "first", "last", "range_id", "window", "window_mask")

    def __init__(
        self,
        window: Window,
        range_id: int,
        window_mask: int,
        aggregates: frozenset[str],
        *,
        back: int = 0,
        open_: bool = False,
    ) -> None:
        self.window = window
        self.range_id = range_id
        self.window_mask = window_mask
        self.aggregates = aggregates
        self.first, self.last = 0, -1
        self._back = back
        self._open = open_

    @property
    def resolution(self) -> Resolution:
        """The resolution of its buckets."""
        return self.window.resolution

    def edges(self, now: int) -> tuple[int, int]:
        """Return the first and last bucket at `now` (ms).

        At 12:34:20 a window of 5 minutes contains the minutes 12:30 to 12:34. Without an upper end it also contains
        all later minutes. A window of 7 days that is moved back ends with the hour of 11:00 a week ago.

            12:30     31     32     33     34     35     36
              |==================================|               flow
              |=================================================  open_flow
        """
        last = UNBOUNDED if self._open else now // self.resolution.step - self._back
        return self.window.first(now) - self._back, last


class FinishedRange(WindowRange):
    """The buckets of a window but that of now."""

    __slots__ = ()

    def edges(self, now: int) -> tuple[int, int]:
        """Return the first bucket at `now` (ms), and the one before that of now."""
        step = self.resolution.step
        return self.window.first(now), now // step - 1


class UnfinishedRange(WindowRange):
    """The minutes of the bucket of now, up to that of now."""

    __slots__ = ()

    @property
    def resolution(self) -> Resolution:
        """Minutes, whatever the buckets of the window are."""
        return MINUTES

    def edges(self, now: int) -> tuple[int, int]:
        """Return the first minute of the window's last bucket at `now` (ms), and the minute of now."""
        bucket = self.window.resolution.step
        return now // bucket * bucket // MINUTES.step, now // MINUTES.step


def window_ranges(
    windows: Iterable[tuple[Window, int]], aggregates: Iterable[Aggregate]
) -> Iterator[WindowRange]:
    """Yield the ranges that aggregates need. `windows` are pairs of a window and its `window_mask`.

    The ID of a range is the position of its window, plus the number of windows if it is lagged. A window of due flows
    with buckets longer than a minute has two ranges under one ID, because its last bucket also holds what is due later
    in it:

                 12:00      15      30      45
        finished   |=======|=======|=======|
        unfinished                         |==|  12:45 to 12:50, by the minute
    """
    masked, declared = list(windows), list(aggregates)
    flows = frozenset(a.name for a in declared if a.kind == "flow")
    open_flows = frozenset(a.name for a in declared if a.kind == "open_flow")
    due_flows = frozenset(a.name for a in declared if a.kind == "due_flow")
    lagged = frozenset(a.name for a in declared if a.kind == "flow" and a.lagged)
    for number, (window, window_mask) in enumerate(masked):
        if flows:
            yield WindowRange(window, number, window_mask, flows)
        if open_flows:
            yield WindowRange(window, number, window_mask, open_flows, open_=True)
        if due_flows and window.resolution is MINUTES:
            yield WindowRange(window, number, window_mask, due_flows)
        elif due_flows:
            yield FinishedRange(window, number, window_mask, due_flows)
            yield UnfinishedRange(window, number, window_mask, due_flows)
        if lagged and window.span >= LAG:
            back = LAG // window.resolution.step + 1
            yield WindowRange(window, len(masked) + number, window_mask, lagged, back=back)


def previous_ranges(
    windows: Iterable[tuple[Window, int]], first_id: int, aggregates: frozenset[str]
) -> Iterator[WindowRange]:
    """Yield the range before each window, of the same length. IDs count from `first_id`.

    `windows` are pairs as in `window_ranges`, `aggregates` the names of flows.
    """
    for number, (window, window_mask) in enumerate(windows):
        back = window.span // window.resolution.step
        yield WindowRange(window, first_id + number, window_mask, aggregates, back=back)
