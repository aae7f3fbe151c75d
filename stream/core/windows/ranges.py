"""Lanes: the ranges of buckets that are kept summed. Their edges only move forward."""

from collections.abc import Iterable, Iterator

from stream.core.model.aggregate import Aggregate
from stream.core.model.time_buckets import DAY, Resolution, Window

LAG = 7 * DAY
"""How far windows are moved back, and one bucket more; only windows at least this long are."""
UNBOUNDED = 1 << 62
"""The last bucket of a lane without an upper end."""


class WindowRange:
    """One window's range of buckets for some tallies, `first` to `last`; empty until it is first moved.

    `slot` says where groups keep its sums, `bits` what has to be read again when they change: one bit for each
    window, the one after them for stock figures.
    """

    __slots__ = ("_back", "_open", "aggregates", "first", "last", "range_id", "window", "window_mask")

    def __init__(
        self,
        window: Window,
        slot: int,
        bits: int,
        aggregates: frozenset[str],
        *,
        back: int = 0,
        open_: bool = False,
    ) -> None:
        self.window = window
        self.range_id = slot
        self.window_mask = bits
        self.aggregates = aggregates
        self.first, self.last = 0, -1
        self._back = back
        self._open = open_

    @property
    def resolution(self) -> Resolution:
        """The size of its buckets."""
        return self.window.resolution

    def edges(self, now: int) -> tuple[int, int]:
        """First and last bucket at `now` in ms, never before where they are.

        At 12:34:20 the window of 5 minutes holds the minutes 12:30 to 12:34; one without an upper end also what is
        ahead; one of 7 days moved back has the hours that end with that of 11:00, a week ago:

            12:30     31     32     33     34     35     36
              |==================================|               flow
              |=================================================  births
        """
        last = UNBOUNDED if self._open else now // self.resolution.step - self._back
        return max(self.first, self.window.first(now) - self._back), max(self.last, last)


def window_ranges(
    windows: Iterable[tuple[Window, int]], aggregates: Iterable[Aggregate]
) -> Iterator[WindowRange]:
    """The lanes that tallies need. `windows` come with their bits, a slot each in this order."""
    listed, kinds = list(windows), list(aggregates)
    flows = frozenset(t.name for t in kinds if t.kind == "flow")
    births = frozenset(t.name for t in kinds if t.kind == "open_flow")
    moved = frozenset(t.name for t in kinds if t.kind == "flow" and t.lagged)
    for slot, (window, bits) in enumerate(listed):
        if flows:
            yield WindowRange(window, slot, bits, flows)
        if births:
            yield WindowRange(window, slot, bits, births, open_=True)
        if moved and window.span >= LAG:
            back = LAG // window.resolution.step + 1
            yield WindowRange(window, len(listed) + slot, bits, moved, back=back)
