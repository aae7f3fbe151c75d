"""Event time in whole milliseconds since the Unix epoch, cut into buckets and blocks.

A *pane* is what one bucket of event time holds for one cell. Panes come in three resolutions; a record holds
a *block* of neighbouring panes, so that a dense cell is some hundred records and not thousands.
"""

from typing import NamedTuple

SECOND = 1_000
MINUTE = 60 * SECOND
QUARTER = 15 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIN_HOUR_RETENTION = 30 * DAY
"""Hour panes reach back at least this far whatever windows are configured: predicted CLV needs them."""


class Resolution(NamedTuple):
    """One size of bucket. `keep` is how long panes are held behind the watermark, None: by the tally."""

    code: int
    step: int
    per_block: int
    retention: int | None

    @property
    def span(self) -> int:
        """Milliseconds in a block."""
        return self.step * self.per_block


RUNNING_TOTAL = Resolution(0, 0, 1, None)
"""A running total: one pane for ever."""
MINUTES = Resolution(1, MINUTE, 15, 70 * MINUTE)
QUARTERS = Resolution(2, QUARTER, 24, 26 * HOUR)
HOURS = Resolution(3, HOUR, 12, None)
OPEN_ITEM_MINUTES = Resolution(4, MINUTE, 1440, None)
"""Minutes of stocks that have an age: kept until they are zero."""

ROLLING = (MINUTES, QUARTERS, HOURS)
BY_CODE = {r.code: r for r in (RUNNING_TOTAL, *ROLLING, OPEN_ITEM_MINUTES)}


class Window(NamedTuple):
    """A rolling window of `span` milliseconds, shown under `label`."""

    label: str
    span: int

    @property
    def resolution(self) -> Resolution:
        """The buckets it is made of: minutes up to 1 h, quarters up to 24 h, hours above."""
        return MINUTES if self.span <= HOUR else QUARTERS if self.span <= DAY else HOURS

    def first(self, now: int) -> int:
        """Number of its first bucket at `now`; the last is the one `now` is in."""
        step = self.resolution.step
        return now // step - self.span // step + 1
