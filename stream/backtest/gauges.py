"""The series that alert rules read, as an exporter would serve them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.topics import DOMAINS, DomainName
from stream.backtest.core import InProcessCore
from stream.core.detection.finding import Finding
from stream.core.metrics import BY_DOMAIN
from stream.core.metrics.headlines import Tile, encode
from stream.core.metrics.metric import Metric, Sample
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.readout import WindowContext
from stream.exporter.incidents import FAMILIES as INCIDENTS
from stream.exporter.incidents import Incidents
from stream.exporter.unusual import FAMILIES as UNUSUAL
from stream.monitoring.evaluation.instant import Labels, Vector, labels_of, selected
from stream.monitoring.evaluation.promql import Selector

REPLICA = (("instance", "backtest"), ("job", "cxgauge"))
"""Labels of the only exporter."""
_COVERAGE = {"cx_partitions_covered", "cx_partitions_expected"}
_UNUSUAL = list(UNUSUAL)
"""Names of the series about unusual figures, in the order of the fields of `Finding`."""


class _Location(NamedTuple):
    """The metric that a family belongs to."""

    domain: DomainName
    metric: Metric
    windowed: bool


class _ReadSamples(NamedTuple):
    """Samples as of an update. They stay as they are until sums of one of the aggregates change, as in an exporter."""

    update: int
    aggregates: frozenset[str]
    samples: list[tuple[LabelSet, Sample]]


_LOCATIONS = {
    family.name: _Location(domain, metric, family.windowed)
    for domain in DOMAINS
    for metric in BY_DOMAIN[domain]
    for family in metric.families
}


class Gauges:
    """The series of the present, read from the windows when a rule needs them.

    Attributes:
        findings: unusual figures by stream and label set, as of the last `update`
        windows: the labels of the windows whose series are served, by the number of the window
    """

    def __init__(
        self, core: InProcessCore, targets: Mapping[Tile, float], windows: Mapping[int, str]
    ) -> None:
        self.findings: dict[str, dict[LabelSet, Finding]] = {}
        self.windows = windows
        self._core = core
        self._targets: Vector = {
            labels_of([*REPLICA, ("figure", encode(tile))]): value for tile, value in targets.items()
        }
        self._views = core.views["feedback"].windows.config.views
        notes = core.views["feedback"].windows.notes
        self._incidents = Incidents(core.views, self._views, notes.between)
        self._has_incidents = False
        """Whether incidents are those of the present."""
        self._now = 0
        self._updates = 0
        """Number of calls of `update`."""
        self._cache: dict[tuple[str, int | None], _ReadSamples] = {}

    def update(self, now: int) -> set[str]:
        """Move to the present, in ms. Return the streams whose findings changed."""
        self._now = now
        self._updates += 1
        self._has_incidents = False
        findings: dict[str, dict[LabelSet, Finding]] = {}
        for of, labels, finding in self._core.findings():
            findings.setdefault(of, {})[labels] = finding
        before, self.findings = self.findings, findings
        return {of for of in before.keys() | findings.keys() if before.get(of) != findings.get(of)}

    def is_never(self, selector: Selector) -> bool:
        """Return whether a selector never has a series, because there is no such target or window."""
        if selector.name == "cx_target":
            return not selected(selector, self._targets)
        return (
            selector.name in _LOCATIONS and _LOCATIONS[selector.name].windowed and not self._slots(selector)
        )

    def series(self, selector: Selector) -> Vector:
        """Return the present values of the selected series."""
        name = selector.name
        if name in _COVERAGE:
            vector: Vector = {REPLICA: 1.0}
        elif name == "cx_target":
            vector = self._targets
        elif name in UNUSUAL:
            position = _UNUSUAL.index(name)
            vector = {
                self._labels(labels, of=of): float(finding[position])
                for of, by_labels in self.findings.items()
                for labels, finding in by_labels.items()
            }
        elif name in INCIDENTS:
            vector = self._of_incidents(name)
        elif name in _LOCATIONS:
            return self._of_metric(_LOCATIONS[name], selector)
        else:
            return {}
        return selected(selector, vector)

    def _of_incidents(self, name: str) -> Vector:
        """Return the present series of what is known of incidents, which summaries name."""
        if not self._has_incidents:
            for domain in DOMAINS:
                self._core.apply(domain, None)
                self._core.advance(domain, self._now)
            for _ in self._incidents.update(self._now):
                pass
            self._has_incidents = True
        return {
            labels_of([*REPLICA, *figure.labels.items()]): float(figure.value)
            for figure in self._incidents.figures
            if figure.series == name
        }

    def _of_metric(self, location: _Location, selector: Selector) -> Vector:
        vector: Vector = {}
        slots: dict[int | None, str] = {None: ""}
        if location.windowed:
            slots = {slot: self.windows[slot] for slot in self._slots(selector)}
        for slot, window in slots.items():
            for labels, sample in self.samples(location.domain, location.metric, slot):
                if sample.family.name == selector.name:
                    own_labels = dict(zip(sample.family.labels, sample.labels, strict=True))
                    vector[self._labels(labels, window=window, **own_labels)] = float(sample.value)
        return selected(selector, vector)

    def _slots(self, selector: Selector) -> list[int]:
        """Return the numbers of the windows that a selector reads."""
        wanted = [matcher for matcher in selector.matchers if matcher.label == "window"]
        return [
            slot
            for slot, label in self.windows.items()
            if all(matcher.accepts({"window": label}) for matcher in wanted)
        ]

    def _labels(self, labels: LabelSet, **others: str) -> Labels:
        names = self._views[labels.view]
        return labels_of(
            [*REPLICA, ("view", labels.view), *zip(names, labels.values, strict=True), *others.items()]
        )

    def samples(self, domain: DomainName, metric: Metric, slot: int | None) -> list[tuple[LabelSet, Sample]]:
        """Return the samples of a metric in a window by its number, or without a window, for all label sets."""
        key = (metric.name, slot)
        known = self._cache.get(key)
        if known is not None and known.update == self._updates:
            return known.samples
        self._core.apply(domain, {aggregate.name for aggregate in metric.aggregates})
        self._core.advance(domain, self._now)
        changed = self._core.take_changes(domain)
        if changed:
            self._cache = {
                other: read for other, read in self._cache.items() if changed.isdisjoint(read.aggregates)
            }
            known = self._cache.get(key)
        samples = list(self._read(domain, metric, slot)) if known is None else known.samples
        self._cache[key] = _ReadSamples(self._updates, frozenset(a.name for a in metric.aggregates), samples)
        return samples

    def _read(
        self, domain: DomainName, metric: Metric, slot: int | None
    ) -> Iterator[tuple[LabelSet, Sample]]:
        windows = self._core.views[domain].windows
        shown = {windows.cardinality_policy.shown_as(labels) for labels in windows.label_sets()}
        for labels in sorted(shown | {TOTAL_LABELS}, key=lambda labels: (labels != TOTAL_LABELS, labels)):
            if labels != TOTAL_LABELS and not any(
                windows.has_data(aggregate.name, labels) for aggregate in metric.aggregates
            ):
                continue
            context = WindowContext(
                windows, labels, self._now, windows.last_30_days if slot is None else slot
            )
            if slot is not None:
                for sample in metric.window_samples(context, windows.config.windows[slot]):
                    yield labels, sample
            elif metric.read_stock is not None:
                for sample in metric.read_stock(context):
                    yield labels, sample
