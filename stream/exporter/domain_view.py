"""One domain as it is shown: its windows, and its section of the page."""

from collections.abc import Sequence
from typing import Literal

from stream.core.metrics.metric import Metric
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.windows.label_sets import TOTAL_LABELS
from stream.core.windows.readout import MetricReader
from stream.core.windows.rolling import CooperativeSteps, RollingWindows
from stream.exporter.exposition import DomainExposition

State = Literal["starting", "live", "stale", "expired"]
"""`starting`: never covered. `stale`: no longer covered, the last figures are served. `expired`: none are served."""


class DomainView:
    """Windows and section of one domain. It is live while every partition is covered."""

    def __init__(self, config: AggregationConfig, metrics: Sequence[Metric]) -> None:
        self.windows = RollingWindows(config, metrics)
        self.exposition = DomainExposition(
            [family for metric in metrics for family in metric.families],
            config.views,
            [window.label for window in config.windows],
        )
        self.state: State = "starting"
        self.updated: set[tuple[str, int]] = set()
        """Metric and window whose figures of `total` were read again; whoever looks at them takes them out."""
        self._reader = MetricReader(self.windows, metrics)
        self._lost_at = 0

    @property
    def is_served(self) -> bool:
        """Whether its series are served."""
        return self.state in ("live", "stale")

    def outage_ms(self, now: int) -> int | None:
        """Return for how many ms the domain has been stale or expired, or None. `now` as in `update_state`."""
        return now - self._lost_at if self.state in ("stale", "expired") else None

    def update_state(self, *, covered: bool, now: int, stale_after: int) -> None:
        """Set the state: live when covered, else stale, and expired after `stale_after` ms.

        `now` is in ms of a steady clock.
        """
        if covered:
            self.state = "live"
        elif self.state == "live":
            self.state, self._lost_at = "stale", now
        elif self.state == "stale" and now - self._lost_at >= stale_after:
            self.state = "expired"

    def read(self, now: int) -> CooperativeSteps:
        """Bring the section up to date with the windows, in short steps. `now` in ms of event time."""
        for reading in self._reader.read(now):
            self.exposition.replace(reading)
            if reading.labels == TOTAL_LABELS and reading.window is not None:
                self.updated.add((reading.metric.name, reading.window))
            yield
