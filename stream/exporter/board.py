"""One domain as it is shown: its windows, and its section of the page."""

from collections.abc import Sequence
from typing import Literal

from stream.core.metric import Metric
from stream.core.rules import Rules
from stream.core.windowing.groups import TOTAL
from stream.core.windowing.readout import Readout
from stream.core.windows import Steps, Windows
from stream.exporter.page import Section

State = Literal["waiting", "live", "frozen", "gone"]


class Board:
    """Windows and section of one domain. It is live while every partition is covered."""

    def __init__(self, rules: Rules, metrics: Sequence[Metric]) -> None:
        self.windows = Windows(rules, metrics)
        self.section = Section(
            [family for metric in metrics for family in metric.families],
            rules.views,
            [window.label for window in rules.windows],
        )
        self.state: State = "waiting"
        self.moved: set[tuple[str, int]] = set()
        """Metric and window whose figures of `total` were read again; whoever looks at them takes them out."""
        self._readout = Readout(self.windows, metrics)
        self._lost = 0

    @property
    def shown(self) -> bool:
        """Whether its series are served."""
        return self.state in ("live", "frozen")

    def standing(self, now: int) -> int | None:
        """For how many ms its series have stood still or been gone; None when they do not. `now` as in `judge`."""
        return now - self._lost if self.state in ("frozen", "gone") else None

    def judge(self, *, covered: bool, now: int, stale_after: int) -> None:
        """Go live when covered; else stand still, and after a while go. `now` in ms of a steady clock."""
        if covered:
            self.state = "live"
        elif self.state == "live":
            self.state, self._lost = "frozen", now
        elif self.state == "frozen" and now - self._lost >= stale_after:
            self.state = "gone"

    def read(self, now: int) -> Steps:
        """Bring the section up to date with the windows, in short steps. `now` in ms of event time."""
        for reading in self._readout.read(now):
            self.section.replace(reading)
            if reading.labels == TOTAL and reading.window is not None:
                self.moved.add((reading.metric.name, reading.window))
            yield
