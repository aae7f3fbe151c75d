"""The series of the detectors: the findings of every stream and label set, as the exporter serves them."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from stream.core.model.histogram import bucket_midpoint, bucket_of
from tests.bench.alerts import baselines
from tests.bench.alerts.detectors import (
    detect_leaving,
    scan_counts,
    scan_missing,
    scan_routine,
    scan_shares,
)
from tests.bench.alerts.families import Member
from tests.bench.alerts.gauges import Clock, LabelSetEvents, outcomes
from tests.bench.alerts.mean_detectors import logarithms, scan_means, scan_scores
from tests.bench.alerts.points import Findings, Points, points
from tests.bench.alerts.special_days import DAY, HOUR, Floats, Ints
from tests.bench.alerts.surveys import PASSIVE
from tests.bench.alerts.traffic import LABEL_SETS, TOTAL, LabelSet, Traffic

MIN_HISTORY_HOURS = 168
FLOOR = 5
"""Events in 35 days below which a label set is not judged. `total` always is."""
REMARKABLE = 10.0
"""Findings that chance shows more often a month are not served."""
PAYMENT_WINDOWS = tuple(hours * HOUR for hours in (1, 4, 12, 24, 72))
REOPENING_WINDOWS = tuple(hours * HOUR for hours in (6, 12, 24, 72, 168))


class Stream(NamedTuple):
    """A stream of events of one label set. `known` are all events that show that there is history."""

    times: Floats
    values: np.ndarray
    known: Floats


class Context(NamedTuple):
    """A stream of a label set with that of `total`, and the number of hours of the run."""

    stream: Stream
    total: Stream
    hours: int

    @property
    def first(self) -> int:
        """The hour of the first event."""
        return first_hour(self.stream, self.hours)

    @property
    def is_marked(self) -> bool:
        """Whether decisions to leave are told from other churns: all of `total` are as many as its churns if they are not."""
        return len(self.total.known) != 2 * len(self.total.times)

    def baseline(self) -> baselines.Baseline:
        """Return the baseline of the label set."""
        counts, all_counts = (
            baselines.by_hour(stream.times, self.hours) for stream in (self.stream, self.total)
        )
        profile = baselines.profile(all_counts, first_hour(self.total, self.hours))
        return baselines.baseline(counts, self.first, profile)

    def share_baseline(self) -> baselines.ShareBaseline:
        """Return the baseline of shares. The values of the stream are whether an outcome was overdue."""
        times, overdue = self.stream.times, self.stream.values
        bad, good = (baselines.by_hour(times[chosen], self.hours) for chosen in (overdue, ~overdue))
        return baselines.share_baseline(bad, good, self.first)


def first_hour(stream: Stream, hours: int) -> int:
    """Return the hour of the first event of a stream, the end of the run if there is none."""
    return int(stream.known.min() // HOUR) if len(stream.known) else hours


class Detector(NamedTuple):
    """A detector: the stream it reads, and its findings at some points with a weight."""

    stream: Callable[[LabelSetEvents], Stream]
    detect: Callable[[Context, Points, float], Findings]


def _events(kind: str, *known: str) -> Callable[[LabelSetEvents], Stream]:
    """Return a reader of a kind of event. `known` are others that show history, too."""

    def read(events: LabelSetEvents) -> Stream:
        times = events.times(kind)
        return Stream(times, times, np.concatenate([times, *map(events.times, known)]))

    return read


def _valued(
    events: LabelSetEvents, name: str, values: Callable[[dict[str, np.ndarray]], np.ndarray]
) -> Stream:
    stream = events.stream(name)
    order = np.argsort(stream["time"], kind="stable")
    times = stream["time"][order]
    return Stream(times, values(stream)[order], times)


def _outcomes(events: LabelSetEvents) -> Stream:
    times, overdue = outcomes(events.stream("cycles"))
    return Stream(times, overdue, times)


def _answers(events: LabelSetEvents) -> Stream:
    times = np.sort(np.concatenate([events.times("nps"), events.times("csat")]))
    return Stream(times, times, times)


@cache
def _stored(milliseconds: int) -> float:
    """Return a handle time as panes have it: the middle of its bucket."""
    return bucket_midpoint(bucket_of(milliseconds))


def _handle_logarithms(calls: dict[str, np.ndarray]) -> Ints:
    stored = np.array([_stored(round(seconds * 1000)) for seconds in calls["seconds"]], float)
    return logarithms(stored / 1000)


DETECTORS: dict[str, Detector] = {
    "leaving": Detector(
        _events("churns/decisions", "churns"),
        lambda c, at, weight: (
            detect_leaving(c.stream.times, c.baseline(), at, weight)
            if c.is_marked
            else scan_routine(c.stream.times, c.baseline(), at)
        ),
    ),
    "payment_churn": Detector(
        _events("churns/false", "churns"),
        lambda c, at, _: scan_counts(
            c.stream.times, c.baseline(), at, PAYMENT_WINDOWS, factor=2.5, least=4, monthly=True
        ),
    ),
    "answers_late": Detector(
        _outcomes, lambda c, at, _: scan_shares(c.stream.times, c.stream.values, c.share_baseline(), at)
    ),
    "reopenings": Detector(
        _events("reopenings", "solves"),
        lambda c, at, _: scan_counts(
            c.stream.times, c.baseline(), at, REOPENING_WINDOWS, factor=1.5, least=5
        ),
    ),
    "handle_time": Detector(
        lambda events: _valued(events, "calls", _handle_logarithms),
        lambda c, at, _: scan_means(c.stream.times, c.stream.values, at),
    ),
    "nps": Detector(
        lambda events: _valued(events, "nps", lambda answers: answers["score"] - PASSIVE),
        lambda c, at, _: scan_scores(c.stream.times, c.stream.values, at, 0.05),
    ),
    "csat": Detector(
        lambda events: _valued(events, "csat", lambda answers: np.where(answers["satisfied"], 1, -1)),
        lambda c, at, _: scan_scores(c.stream.times, c.stream.values, at, 0.06),
    ),
    "answers_missing": Detector(_answers, lambda c, at, _: scan_missing(c.stream.times, c.baseline(), at)),
}
FIELDS = {
    "cx_unusual_by_chance_per_month": "by_chance",
    "cx_unusual_events": "events",
    "cx_unusual_baseline_events": "baseline_events",
    "cx_unusual_window_seconds": "window_seconds",
}


class SimulatedDetections:
    """The series of all detectors from tick `first` to before `end`. They are computed when they are read."""

    def __init__(self, traffic: Traffic, first: int, end: int, detectors: Iterable[str] = DETECTORS) -> None:
        self._span = (first, end)
        self._detectors = {of: DETECTORS[of] for of in detectors}
        self._hours = traffic.days * DAY // HOUR
        self._events = {label_set: LabelSetEvents(traffic, label_set) for label_set in LABEL_SETS}
        self._streams: dict[tuple[str, LabelSet], Stream] = {}
        self._weights: dict[str, dict[LabelSet, Floats]] = {}
        self._findings: dict[tuple[str, LabelSet], tuple[Ints, Findings]] = {}

    def names(self) -> set[str]:
        """Return the names of the series."""
        return set(FIELDS)

    def series(self, name: str, label_set: LabelSet, clock: Clock) -> Iterator[Member]:
        """Yield the series of a label set. Raises KeyError if there are none of this name."""
        field = FIELDS[name]
        for of in self._detectors:
            yield {"of": of}, lambda of=of: self._at(of, label_set, field, clock.ticks)  # type: ignore[misc]

    def _at(self, of: str, label_set: LabelSet, field: str, ticks: Ints) -> Floats:
        changes, findings = self.findings(of, label_set)
        index = np.searchsorted(changes, ticks, side="right") - 1
        values: Floats = np.where(np.isfinite(findings.by_chance), getattr(findings, field), np.nan)
        return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)

    def findings(self, of: str, label_set: LabelSet) -> tuple[Ints, Findings]:
        """Return the findings of a detector, and the ticks from which each of them holds."""
        if (of, label_set) not in self._findings:
            self._findings[of, label_set] = self._detect(of, label_set)
        return self._findings[of, label_set]

    def _detect(self, of: str, label_set: LabelSet) -> tuple[Ints, Findings]:
        stream, detector = self._stream(of, label_set), self._detectors[of]
        at = points(stream.times, *self._span)
        context = Context(stream, self._stream(of, TOTAL), self._hours)
        weight = self._weight(of)[label_set][at.hour // 24]
        largest = float(weight.max())
        findings = Findings.none(len(at.ticks))
        if largest > 0:
            findings = detector.detect(context, at, largest)
        judged = (at.hour - context.first >= MIN_HISTORY_HOURS) & (weight > 0)
        findings.keep(judged & (findings.by_chance <= REMARKABLE * weight))
        findings.by_chance = findings.by_chance / np.where(weight > 0, weight, 1)
        return _compressed(at.ticks, findings)

    def _weight(self, of: str) -> dict[LabelSet, Floats]:
        """Return the share of false alarms of each label set by day: half for `total`, the rest for those with enough events."""
        if of not in self._weights:
            judged = {}
            for label_set in LABEL_SETS[1:]:
                daily = (
                    baselines.by_hour(self._stream(of, label_set).times, self._hours).reshape(-1, 24).sum(1)
                )
                sums = np.concatenate([[0.0], np.cumsum(daily)])
                day = np.arange(len(daily))
                judged[label_set] = sums[day] - sums[np.maximum(day - 35, 0)] >= FLOOR
            of_view = {
                view: sum(judged[ls] for ls in judged if ls.view == view)
                for view in ("channel", "touchpoint")
            }
            views = sum(np.asarray(number) > 0 for number in of_view.values())
            self._weights[of] = {TOTAL: np.full(self._hours // 24, 0.5)} | {
                ls: np.where(here, 0.5 / np.maximum(views, 1) / np.maximum(of_view[ls.view], 1), 0.0)
                for ls, here in judged.items()
            }
        return self._weights[of]

    def _stream(self, of: str, label_set: LabelSet) -> Stream:
        if (of, label_set) not in self._streams:
            self._streams[of, label_set] = self._detectors[of].stream(self._events[label_set])
        return self._streams[of, label_set]


def _compressed(ticks: Ints, findings: Findings) -> tuple[Ints, Findings]:
    """Drop the points at which nothing changes."""
    fields = [findings.by_chance, findings.events, findings.baseline_events, findings.window_seconds]
    present = np.isfinite(findings.by_chance)
    kept = np.append(True, present[1:] | present[:-1])
    return ticks[kept], Findings(*(values[kept] for values in fields))
