"""The incidents of all domains: their cards, and the series of figures that only cards have."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from schemas.topics import DomainName
from stream.core.detection.incident import Incident, Panes, incidents
from stream.core.detection.incident_card import (
    NOTE_SECONDS,
    REASON_EVENTS,
    SINCE_SECONDS,
    WHERE_EVENTS,
    Card,
    Figure,
    card,
)
from stream.core.detection.streams import STREAMS
from stream.core.metrics.headlines import DOMAIN_OF_FAMILY
from stream.core.metrics.metric import Family
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.notes import ShownNote
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.domain_view import DomainView
from stream.exporter.exposition import header, line
from stream.monitoring.alerts.patterns import FALSE_ALARMS
from stream.monitoring.alerts.prometheus_files import alerts
from stream.monitoring.alerts.rule import AlertRule

FAMILIES: dict[str, tuple[str, str]] = {
    SINCE_SECONDS: (
        "",
        "Beginning of the bucket in which the statistic of an incident last left zero",
    ),
    WHERE_EVENTS: ("text", "Events of an incident of a label set that stands out among them"),
    REASON_EVENTS: ("reason", "Events of an incident with a reason code that stands out among them"),
    NOTE_SECONDS: ("text", "Time from a note of the hour before an incident to its beginning"),
}
"""The label of its own (empty if it has none) and help text by name. All are gauges."""
RULES: Mapping[str, AlertRule] = {rule.of: rule for rules in alerts().values() for rule in rules if rule.of}
"""The alert rules by stream."""
LIMITS = {of: rule.share * FALSE_ALARMS.value for of, rule in RULES.items()}
"""How often a month chance may show a finding that is an alert, with the shipped threshold."""


class Incidents:
    """The cards as of the last `update`. Those of a domain are held as long as its values are."""

    def __init__(
        self,
        domain_views: Mapping[DomainName, DomainView],
        views: Mapping[str, tuple[str, ...]],
        notes_between: Callable[[int, int], Sequence[ShownNote]],
    ) -> None:
        self.cards: list[Card] = []
        self._domain_views = domain_views
        self._views = views
        self._notes_between = notes_between
        self._incidents: dict[DomainName, list[Incident]] = {}
        self.figures: list[Figure] = []
        """The values of `FAMILIES`."""

    def update(self, now: int) -> CooperativeSteps:
        """Make the cards again, in short steps. `now` is in ms since the epoch."""
        cards, figures = [], []
        for domain, domain_view in self._domain_views.items():
            if domain_view.state == "live":
                panes = Panes(domain_view.judge, domain_view.windows, domain_view.complete_since)
                self._incidents[domain] = yield from incidents(panes, LIMITS)
            elif not domain_view.is_served:
                self._incidents.pop(domain, None)
            around = _Surroundings(self._domain_views, self._views, self._notes_between, now, domain)
            for incident in self._incidents.get(domain, ()):
                for known in incident.known:
                    shown = card(incident.of, known, around)
                    figures += [figure for clause in shown.clauses for figure in clause.figures]
                    if known in incident.anchors:
                        cards.append(shown)
                    yield
        ranks = {stream.of: rank for rank, stream in enumerate(STREAMS)}
        self.cards = sorted(cards, key=lambda shown: ranks[shown.of])
        self.figures = [figure for figure in figures if figure.series in FAMILIES]

    def series(self) -> Iterator[str]:
        """Yield the series, sorted by view and other labels."""
        ranks = {view: rank for rank, view in enumerate(self._views)}
        ordered = sorted(
            self.figures, key=lambda figure: (ranks[figure.labels["view"]], *figure.labels.values())
        )
        for name, (_, text) in FAMILIES.items():
            figures = [figure for figure in ordered if figure.series == name]
            if figures:
                yield header(name, "gauge", text)
                yield from (line(*figure) for figure in figures)


class _Surroundings:
    """The complete figures and notes: of live domains, and those that the domain of the incident holds."""

    def __init__(
        self,
        domain_views: Mapping[DomainName, DomainView],
        views: Mapping[str, tuple[str, ...]],
        notes_between: Callable[[int, int], Sequence[ShownNote]],
        now: int,
        domain: DomainName,
    ) -> None:
        self.now = now
        self.views = views
        self._notes_between = notes_between
        self._domain_views = domain_views
        self._domain = domain

    def _is_complete(self, domain: DomainName) -> bool:
        domain_view = self._domain_views[domain]
        return domain_view.is_served if domain == self._domain else domain_view.state == "live"

    def figure(self, family: Family, labels: LabelSet) -> float | None:
        """Return a figure without a window, None if it is not complete."""
        domain = DOMAIN_OF_FAMILY[family.name]
        if not self._is_complete(domain):
            return None
        samples = self._domain_views[domain].exposition.samples(family, (labels, None))
        return next((value for _, value in samples), None)

    def notes(self, first: int, last: int) -> Sequence[ShownNote]:
        """Return the notes of a time in ms, none if they are not complete."""
        return self._notes_between(first, last) if self._is_complete("feedback") else ()
