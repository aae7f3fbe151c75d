"""False alarms of rules on quiet traffic, and the seconds until an incident fires one of them."""

from collections.abc import Iterator

import numpy as np

from tests.bench.alerts.detection import SimulatedDetections
from tests.bench.alerts.families import SimulatedExporter
from tests.bench.alerts.gauges import change_ticks
from tests.bench.alerts.incidents import INCIDENTS, excerpt
from tests.bench.alerts.promql import STEP
from tests.bench.alerts.rules import ActiveAlerts, Episode, RuleSet, active_alerts, episodes, joined
from tests.bench.alerts.special_days import DAY, HOUR, WARM_UP_DAYS
from tests.bench.alerts.traffic import Traffic

TICKS_A_DAY = DAY // STEP
CHUNK_DAYS = 14
"""Days that are evaluated at once, which bounds the memory."""
BEFORE = HOUR // STEP
"""Ticks before an incident from which rules are evaluated."""
EARLY = 900
"""Seconds before an incident that it may fire an alert: tickets that are answered late were over target before."""


def false_alarms(traffic: Traffic, rules: RuleSet) -> list[Episode]:
    """Return every alert of quiet traffic after the warm-up."""
    first, end = WARM_UP_DAYS * TICKS_A_DAY, traffic.days * TICKS_A_DAY
    detections = SimulatedDetections(traffic, first - TICKS_A_DAY, end)

    def parts() -> Iterator[ActiveAlerts]:
        exporter = SimulatedExporter(traffic, detections)
        for start in range(first, end, CHUNK_DAYS * TICKS_A_DAY):
            stop = min(start + CHUNK_DAYS * TICKS_A_DAY, end)
            yield active_alerts(rules, exporter, change_ticks(traffic, start, stop), stop)
            exporter.forget()

    return episodes(joined(parts()), end)


def detection_delay(traffic: Traffic, rules: RuleSet, incident: str, at: float) -> float | None:
    """Return the seconds from an incident to the first alert that fires because of it, None if none does in time.

    An alert is due to the incident if it is about its domain and does not fire in the same traffic without it.
    """
    details = INCIDENTS[incident]
    days_after = 12 if details.hours > 4 * 24 else 2 + int(details.hours // 24)
    quiet, moment = excerpt(traffic, at, days_after=days_after)
    disturbed = details.change(quiet, moment, np.random.default_rng(int(at)))
    first = int(np.ceil(moment / STEP)) - BEFORE
    end = min(first + BEFORE + int(details.hours * HOUR) // STEP, quiet.days * TICKS_A_DAY)
    relevant = rules._replace(
        alerts=[
            alert
            for alert in rules.alerts
            if dict(alert.labels).get("domain", details.domain) == details.domain
        ]
    )
    background = _firing(quiet, relevant, first, end)
    earliest = first + BEFORE - EARLY // STEP
    starts = [
        start
        for key, intervals in _firing(disturbed, relevant, first, end).items()
        for start in _new_starts(intervals, background.get(key, []), earliest)
    ]
    return min(starts) * STEP - moment if starts else None


def _new_starts(
    disturbed: list[tuple[int, int]], quiet: list[tuple[int, int]], earliest: int
) -> Iterator[int]:
    """Yield the first tick of each alert that does not fire without the incident."""
    for start, _ in disturbed:
        if start >= earliest and not any(begin <= start < end for begin, end in quiet):
            yield start


def _firing(
    traffic: Traffic, rules: RuleSet, first: int, end: int
) -> dict[tuple[str, object], list[tuple[int, int]]]:
    detections = SimulatedDetections(traffic, first - BEFORE, end)
    active = active_alerts(
        rules, SimulatedExporter(traffic, detections), change_ticks(traffic, first, end), end
    )
    firing: dict[tuple[str, object], list[tuple[int, int]]] = {}
    for episode in episodes(active, end):
        firing.setdefault((episode.alert, episode.labels), []).append((episode.start, episode.end))
    return firing
