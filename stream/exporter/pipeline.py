"""Series about the pipeline itself: always served, without view and window."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.topics import TOPICS
from stream.core.book import OUTCOMES
from stream.core.marker import Marker
from stream.core.metric import Family, Sample
from stream.core.metrics import REGISTRY


def _family(name: str, text: str, *labels: str) -> Family:
    kind = "counter" if name.endswith("_total") else "gauge"
    return Family(name, text, labels, kind, windowed=False)


EVENTS = _family("cx_events_total", "Records read, by what became of them", "topic", "outcome")
NEWEST = _family("cx_last_event_timestamp_seconds", "Newest time of an accepted event", "topic")
LAG = _family("cx_event_lag_seconds", "Time since the newest accepted event", "topic")
EXPECTED = _family("cx_partitions_expected", "Partitions whose figures have to be complete")
COVERED = _family("cx_partitions_covered", "Partitions whose figures are complete up to 30 seconds ago")
SERIES = _family("cx_series", "Series on this page")
FOLDED = _family("cx_series_folded_total", "Label sets that were newly folded into __other__")
IGNORED = _family("cx_labels_ignored_total", "Labels of accepted events that are not allowed or not usable")
INFO = _family("cx_metric_info", "Version of a metric's definition", "metric", "version")
REPAIRS = _family("cx_window_repairs_total", "Sums that the hourly check of all windows found wrong")
FAMILIES = (EVENTS, NEWEST, LAG, EXPECTED, COVERED, SERIES, FOLDED, IGNORED, INFO, REPAIRS)


class Pipeline(NamedTuple):
    """What there is to say. `markers`: the last of each partition, by domain; `counted`: whether all were there once."""

    now: int
    markers: dict[str, Sequence[Marker]]
    counted: bool
    expected: int
    covered: int
    folded: int
    repairs: int


def samples(state: Pipeline, series: int) -> list[tuple[Family, list[Sample]]]:
    """By family; `series` are those of the rest of the page."""
    found: dict[Family, list[Sample]] = {family: [] for family in FAMILIES}
    for sample in _samples(state):
        found[sample.family].append(sample)
    total = series + sum(map(len, found.values())) + 1
    found[SERIES].append(Sample(SERIES, (), total))
    return list(found.items())


def _samples(state: Pipeline) -> Iterator[Sample]:
    for domain, markers in state.markers.items():
        topic = TOPICS[domain].name
        if state.counted:
            for outcome in OUTCOMES:
                n = sum(marker.outcomes.get(outcome, 0) for marker in markers)
                yield Sample(EVENTS, (topic, outcome), n)
        if newest := newest_of(markers):
            yield Sample(NEWEST, (topic,), newest / 1000)
            yield Sample(LAG, (topic,), (state.now - newest) / 1000)
    yield Sample(EXPECTED, (), state.expected)
    yield Sample(COVERED, (), state.covered)
    yield Sample(FOLDED, (), state.folded)
    if state.counted:
        ignored = sum(marker.labels_ignored for markers in state.markers.values() for marker in markers)
        yield Sample(IGNORED, (), ignored)
    for metric in REGISTRY.values():
        yield Sample(INFO, (metric.name, str(metric.version)), 1)
    yield Sample(REPAIRS, (), state.repairs)


def newest_of(markers: Iterable[Marker]) -> int:
    """The newest time of an accepted event, in ms; 0: none."""
    return max((marker.newest for marker in markers), default=0)
