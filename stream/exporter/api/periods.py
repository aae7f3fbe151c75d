"""The figures of a period of the past, and which are absent."""

from collections.abc import Iterator
from typing import Any

from schemas.times import from_ms
from stream.core.metrics.metric import Metric
from stream.core.model.periods import Hours
from stream.core.windows.period_sums import PeriodSums
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.api.figures import FigureFilter, ServedFigure
from stream.exporter.api.query import WantedPeriod
from stream.exporter.domain_view import DomainView
from stream.exporter.state import ExporterState

_STATE = "only the present state is kept, and no past one"
_PARTLY_STATE = "stocks, cohorts and confirmed results are no sums of hours"


class PeriodFigures:
    """Figures read from panes. Call `take` while the exporter's state cannot change, then read."""

    def __init__(self, exporter: ExporterState, wanted: FigureFilter, period: WantedPeriod) -> None:
        self._exporter = exporter
        self._period = period
        self._sums = PeriodSums(wanted.metrics, wanted.views, period.compared)
        self._metrics: list[tuple[Metric, bool]] = []
        """The metrics whose panes reach back to the period, and whether they reach back to the one before."""
        hours, before = (self._interval(part) for part in period.compared)
        self._window = f"{hours['from']}/{hours['to']}"
        self._absent = [*self._absences(wanted)]
        self.head: dict[str, Any] = {
            "period": {**hours, "time_zone": period.zone.key, "before": before},
            "absent": self._absent,
        }

    def _interval(self, hours: Hours) -> dict[str, str]:
        begin, end = (from_ms(at).astimezone(self._period.zone).isoformat(timespec="seconds") for at in hours)
        return {"from": begin, "to": end}

    def _absences(self, wanted: FigureFilter) -> Iterator[dict[str, Any]]:
        """Yield the groups of absent figures with their reason, and note the metrics to read."""
        for domain, domain_view in self._exporter.domain_views.items():
            metrics = [metric for metric in wanted.metrics if metric in domain_view.metrics]
            if not metrics:
                continue
            if reason := self._missing(domain, domain_view, self._period.compared.hours):
                yield _absent(metrics, "all", reason)
                continue
            summed = [metric for metric in metrics if metric.read_flows is not None]
            before = self._missing(domain, domain_view, self._period.compared.before)
            compared = [metric for metric in summed if metric.compared]
            if before and compared:
                yield _absent(compared, "before", before)
            if states := [metric for metric in metrics if metric.read_flows is None]:
                yield _absent(states, "all", _STATE)
            if partly := [metric for metric in summed if metric.read or metric.read_stock]:
                yield _absent(partly, "state", _PARTLY_STATE)
            self._metrics += [(metric, not before) for metric in summed]

    def _missing(self, domain: str, domain_view: DomainView, hours: Hours) -> str:
        """Return why the panes of a domain do not contain these hours. Empty if they do."""
        if not domain_view.is_served:
            return f"not all partitions of {domain} are covered"
        if hours.start < domain_view.complete_since:
            begin = from_ms(domain_view.complete_since).astimezone(self._period.zone)
            return f"panes of {domain} begin at {begin:%Y-%m-%d %H:%M} ({self._period.zone.key})"
        return ""

    def take(self) -> CooperativeSteps:
        """Take the panes, in short steps. The exporter's state may not change between them."""
        for domain_view in self._exporter.domain_views.values():
            if domain_view.is_served:
                yield from self._sums.take(domain_view.windows)

    def index(self) -> Iterator[None]:
        """Add up the panes, one a step."""
        return self._sums.add_up()

    def figures(self, wanted: FigureFilter) -> Iterator[ServedFigure | None]:
        """Yield the figures in the order of metrics, and None after each step. They have the period as window."""
        for metric, is_compared in self._metrics:
            if metric not in wanted.metrics:
                continue
            for before in (False, True) if is_compared else (False,):
                for labels, sample in self._sums.samples(metric, self._exporter.config, before=before):
                    names = self._exporter.config.views[labels.view]
                    values = dict(zip(names, labels.values, strict=True))
                    own_labels = dict(zip(sample.family.labels, sample.labels, strict=True))
                    view = labels.view
                    yield ServedFigure(
                        metric, sample.family, view, self._window, values | own_labels, sample.value
                    )
                    yield None


def _absent(metrics: list[Metric], part: str, reason: str) -> dict[str, Any]:
    return {"metrics": [metric.name for metric in metrics], "part": part, "reason": reason}
