"""Lanes: the ranges of buckets that are kept summed. Their edges only move forward."""

from collections.abc import Iterable, Iterator

from stream.core.buckets import DAY, Resolution, Window
from stream.core.tally import Tally

SHIFT = 7 * DAY
"""How far windows are moved back, and one bucket more; only windows at least this long are."""
OPEN = 1 << 62
"""The last bucket of a lane without an upper end."""


class Lane:
    """One window's range of buckets for some tallies, `first` to `last`; empty until it is first moved.

    `slot` says where groups keep its sums, `bits` what has to be read again when they change: one bit for each
    window, the one after them for stock figures.
    """

    __slots__ = ("_back", "_open", "bits", "first", "last", "slot", "tallies", "window")

    def __init__(
        self,
        window: Window,
        slot: int,
        bits: int,
        tallies: frozenset[str],
        *,
        back: int = 0,
        open_: bool = False,
    ) -> None:
        self.window = window
        self.slot = slot
        self.bits = bits
        self.tallies = tallies
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
        last = OPEN if self._open else now // self.resolution.step - self._back
        return max(self.first, self.window.first(now) - self._back), max(self.last, last)


def lanes(windows: Iterable[tuple[Window, int]], tallies: Iterable[Tally]) -> Iterator[Lane]:
    """The lanes that tallies need. `windows` come with their bits, a slot each in this order."""
    listed, kinds = list(windows), list(tallies)
    flows = frozenset(t.name for t in kinds if t.kind == "flow")
    births = frozenset(t.name for t in kinds if t.kind == "births")
    moved = frozenset(t.name for t in kinds if t.kind == "flow" and t.shifted)
    for slot, (window, bits) in enumerate(listed):
        if flows:
            yield Lane(window, slot, bits, flows)
        if births:
            yield Lane(window, slot, bits, births, open_=True)
        if moved and window.span >= SHIFT:
            back = SHIFT // window.resolution.step + 1
            yield Lane(window, len(listed) + slot, bits, moved, back=back)
