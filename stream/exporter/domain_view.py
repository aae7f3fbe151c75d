"""One domain as it is served: its rolling windows, its state and its part of the exposition."""

from collections.abc import Sequence
from typing import Literal

from stream.core.detection.judge import Judge
from stream.core.detection.streams import STREAMS
from stream.core.metrics.metric import Metric
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.windows.label_sets import TOTAL_LABELS
from stream.core.windows.readout import MetricReader
from stream.core.windows.rolling import CooperativeSteps, RollingWindows
from stream.exporter.exposition import DomainExposition

State = Literal["starting", "live", "stale", "expired"]
"""`starting`: never covered. `live`: covered. `stale`: not covered, the last values are served. `expired`: none are."""


class DomainView:
    """Windows and exposition of one domain. It is live while all its partitions are covered.

    `minutes_between`: see `Judge`.
    """

    def __init__(
        self,
        config: AggregationConfig,
        metrics: Sequence[Metric],
        *,
        previous: bool,
        minutes_between: int = 1,
    ) -> None:
        self.metrics = metrics
        self.windows = RollingWindows(config, metrics, previous=previous)
        names = {aggregate for metric in metrics for aggregate in metric.aggregates}
        streams = [stream for stream in STREAMS if names >= stream.components.keys()]
        self.judge = Judge(self.windows, streams, minutes_between=minutes_between)
        """Finds unusual figures."""
        self.exposition = DomainExposition(
            [family for metric in metrics for family in metric.all_families],
            config.views,
            [window.label for window in config.windows],
        )
        self.state: State = "starting"
        self.updated: set[tuple[str, int]] = set()
        """Metrics and windows whose values of `total` were read since their time line was updated. Its reader removes them."""
        self.read_at = 0
        """The present of the last read in ms since the epoch, 0 before. Values that are held are of this time."""
        self._reader = MetricReader(self.windows, metrics, previous=previous)
        self._lost_at = 0
        self.complete_since = 0
        """The time from which on no pane is missing, in ms since the epoch."""

    @property
    def is_served(self) -> bool:
        """Whether its series are served."""
        return self.state in ("live", "stale")

    def outage_ms(self, now: int) -> int | None:
        """Return the ms since the domain became stale, None if it is starting or live. `now` as in `update_state`."""
        return now - self._lost_at if self.state in ("stale", "expired") else None

    def update_state(self, *, covered: bool, now: int, stale_after: int) -> None:
        """Set the state: live when covered, else stale, and expired after `stale_after` ms.

        `now` is in ms of a monotonic clock.
        """
        if covered:
            self.state = "live"
        elif self.state == "live":
            self.state, self._lost_at = "stale", now
        elif self.state == "stale" and now - self._lost_at >= stale_after:
            self.state = "expired"

    def read(self, now: int) -> CooperativeSteps:
        """Read the changed metrics into the exposition, in short steps. `now` is in ms since the epoch."""
        self.read_at = now
        for update in self._reader.read(now, self.complete_since):
            self.exposition.replace(update)
            if update.labels == TOTAL_LABELS and update.window is not None:
                self.updated.add((update.metric.name, update.window))
            yield
