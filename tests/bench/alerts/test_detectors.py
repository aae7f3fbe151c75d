"""The simulator's detectors find what those of the core find, for the same events."""

from typing import NamedTuple

import pytest

from tests.bench.alerts.needs import require_bench_extra

require_bench_extra()

import numpy as np  # noqa: E402

from stream.core.detection.baseline import Baseline, baseline, reach  # noqa: E402
from stream.core.detection.finding import Finding  # noqa: E402
from stream.core.detection.profile import MONTH, REACH, profile  # noqa: E402
from stream.core.detection.share_baseline import (  # noqa: E402
    IN_TIME,
    OVERDUE,
    ShareBaseline,
    share_baseline,
)
from stream.core.detection.stream_events import StreamEvents  # noqa: E402
from stream.core.detection.streams import EVENT, OTHER, STREAMS, tells_apart  # noqa: E402
from stream.core.model.time_buckets import HOUR, MINUTE, ROLLING  # noqa: E402
from tests.bench.alerts.detection import DETECTORS, Context, Stream  # noqa: E402
from tests.bench.alerts.gauges import LabelSetEvents  # noqa: E402
from tests.bench.alerts.incidents import INCIDENTS  # noqa: E402
from tests.bench.alerts.points import Findings, Points, points  # noqa: E402
from tests.bench.alerts.promql import STEP  # noqa: E402
from tests.bench.alerts.special_days import DAY  # noqa: E402
from tests.bench.alerts.traffic import LABEL_SETS, TOTAL, Traffic, generate  # noqa: E402

MONDAY = 20_710
"""Days since the epoch: day 0 of the traffic."""
APP = LABEL_SETS[2]
WEIGHT = 0.5
EVENTS_AT = 44 * DAY + 36_000.0
"""When everything goes wrong at once, in seconds."""
SIMULTANEOUS = (
    "30 leavers, app",
    "nobody answers",
    "NPS -50",
    "CSAT -50",
    "handle time doubled",
    "reopenings times 4",
)
CALM = ("payment_churn", "answers_missing")
"""Detectors without an incident above: answers are lost, and payments fail on their own."""


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    traffic = generate(5, weeks=1)
    for incident in SIMULTANEOUS:
        traffic = INCIDENTS[incident].change(traffic, EVENTS_AT, np.random.default_rng(1))
    churns = traffic.streams["churns"]
    failed = {field: values[:12] for field, values in churns.items()}
    failed |= {"time": EVENTS_AT + 60.0 * np.arange(12), "channel": np.full(12, 1), "reason": np.full(12, 2)}
    both = {field: np.concatenate([churns[field], failed[field]]) for field in churns}
    order = np.argsort(both["time"], kind="stable")
    return traffic.with_stream("churns", {field: values[order] for field, values in both.items()})


class Added(NamedTuple):
    """An event of the core's streams."""

    at: float
    part: int
    n: int


def added(of: str, stream: Stream) -> list[Added]:
    """Return the events of a stream by part, in the order of their times."""
    times = stream.times.tolist()
    match of:
        case "answers_late":
            parts = [[(OVERDUE if bad else IN_TIME, 1)] for bad in stream.values]
        case "handle_time":
            parts = [[(0, 1), (1, int(log)), (2, int(log) ** 2)] for log in stream.values]
        case "nps" | "csat":
            parts = [[(int(value) + 1, 1)] for value in stream.values]
        case _:
            parts = [[(EVENT, 1)] for _ in times]
    events = [Added(at, *pair) for at, pairs in zip(times, parts, strict=True) for pair in pairs]
    if of in {"leaving", "payment_churn", "reopenings"}:
        events += [Added(at, OTHER, 1) for at in stream.known[len(times) :].tolist()]
    return sorted(events)


class Replayed:
    """A stream of the core that knows the events before a moment."""

    def __init__(self, of: str, stream: Stream) -> None:
        self.width = next(watched.width for watched in STREAMS if watched.of == of)
        self.events = StreamEvents(self.width, ahead=of == "answers_late")
        self._waiting = added(of, stream)
        self._position = 0

    def advance(self, seconds: float) -> None:
        """Add the events before a moment."""
        while self._position < len(self._waiting) and self._waiting[self._position].at < seconds:
            event = self._waiting[self._position]
            minute = MONDAY * 1440 + int(event.at // 60)
            for resolution in ROLLING:
                self.events.add(resolution.code, minute * MINUTE // resolution.step, event.part, event.n)
            self._position += 1

    def counts(self, hour: int, back: int, part: int = EVENT) -> tuple[list[int], int]:
        """Return counts of finished hours, and the first of them."""
        first = self.events.hours.first_used(hour)
        assert first is not None
        begin = max(hour - back, first)
        return self.events.hours.between(begin, hour, part), begin


class CoreEvidence:
    """The evidence of a label set at a minute, as the judge of the core has it."""

    def __init__(self, replayed: Replayed, total: Replayed, minute: int) -> None:
        self.events = replayed.events
        self.minute = minute
        self.weight = WEIGHT
        self._replayed, self._total = replayed, total
        self._hour = minute * MINUTE // HOUR

    def baseline(self, depth: int) -> Baseline:
        of_total = profile(*self._total.counts(self._hour, REACH), self._hour)
        counts, first = self._replayed.counts(self._hour, reach(depth))
        return baseline(counts, first, self._hour, depth, of_total)

    def is_marked(self) -> bool:
        first = self._hour - MONTH
        return tells_apart(
            *(self._total.events.hours.between(first, self._hour, part) for part in (EVENT, OTHER))
        )

    def shares(self) -> ShareBaseline:
        overdue, first = self._replayed.counts(self._hour, REACH, OVERDUE)
        in_time, _ = self._replayed.counts(self._hour, REACH, IN_TIME)
        return share_baseline(overdue, in_time, first, self._hour)


def core_findings(of: str, streams: tuple[Stream, Stream], at: Points) -> list[Finding | None]:
    """Return the findings of the core at these points."""
    replayed, total = Replayed(of, streams[0]), Replayed(of, streams[1])
    detect = next(watched.detect for watched in STREAMS if watched.of == of)
    findings = []
    for seconds, minute in zip(at.seconds.tolist(), at.minute.tolist(), strict=True):
        replayed.advance(seconds)
        total.advance(seconds)
        findings.append(detect(CoreEvidence(replayed, total, MONDAY * 1440 + minute)))
    return findings


def chosen_points(findings: Findings, n: int = 40) -> np.ndarray:
    """Return the positions of some points with findings, and of as many others."""
    random = np.random.default_rng(2)
    parts = [np.flatnonzero(np.isfinite(findings.by_chance) == certain) for certain in (True, False)]
    return np.sort(np.concatenate([random.permutation(part)[:n] for part in parts]))


@pytest.mark.parametrize("label_set", [TOTAL, APP], ids=str)
@pytest.mark.parametrize("of", DETECTORS)
def test_findings_equal_those_of_the_core(of: str, label_set: object, traffic: Traffic) -> None:
    compare(of, label_set, traffic)


def test_leavers_of_an_unmarked_feed_equal_those_of_the_core() -> None:
    unmarked = generate(5, weeks=1, feed="unmarked")
    compare(
        "leaving", TOTAL, INCIDENTS["100 leavers, app"].change(unmarked, EVENTS_AT, np.random.default_rng(1))
    )


def compare(of: str, label_set: object, traffic: Traffic) -> None:
    """Compare the findings of a label set with those of the core."""
    read, detect = DETECTORS[of]
    streams = read(LabelSetEvents(traffic, label_set)), read(LabelSetEvents(traffic, TOTAL))  # type: ignore[arg-type]
    context = Context(*streams, traffic.days * 24)
    day = DAY // STEP
    at = points(streams[0].times, 44 * day, 46 * day)
    findings = detect(context, at, WEIGHT)
    chosen = chosen_points(findings)
    expected = core_findings(of, streams, at.select(chosen))
    assert of in CALM or any(finding is not None for finding in expected)
    for position, finding in zip(chosen, expected, strict=True):
        simulated = findings.by_chance[position]
        if finding is None:
            assert np.isinf(simulated), at.seconds[position]
            continue
        assert simulated == pytest.approx(finding.by_chance, rel=1e-6)
        assert findings.events[position] == pytest.approx(finding.events, rel=1e-6)
        assert findings.baseline_events[position] == pytest.approx(finding.baseline_events, rel=1e-6)
        assert findings.window_seconds[position] == finding.window_seconds
