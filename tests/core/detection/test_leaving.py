"""The e-detector against the integral that its recursion solves."""

from math import exp

import pytest

from stream.core.detection.baseline import Baseline
from stream.core.detection.leaving import FACTORS, LEVEL, detect_leaving
from tests.core.detection.history import NOW_MINUTE, events_of, put

HOUR = NOW_MINUTE // 60
RAISED = 1 + 1.5 * (0.1 + 0.02) ** 0.5
"""By how much the baseline of these tests is raised."""


def _base(rate: float) -> Baseline:
    return Baseline(HOUR - 51, [rate] * 52, 50.0, rate * 720 + 1, 0.1, 0.1)


def _evidence(minutes: list[int], rate: float, now: int, since: int) -> float:
    """Return the mean over the factors of the integral of likelihood ratios over all possible beginnings of a spike.

    The ratio of a spike that began at s is d^N(s, now) exp(-(d - 1) u (now - s)), with N events since s.
    """
    u = rate * RAISED / 60
    total = 0.0
    for d in FACTORS:
        for start in range(since, now + 1):  # a spike that begins within this minute
            n = sum(1 for minute in minutes if minute >= start)
            drift = (d - 1) * u
            a, b = now + 1 - (start + 1), now + 1 - start
            total += d**n * (exp(-drift * a) - exp(-drift * b)) / drift
    return total / len(FACTORS)


@pytest.mark.parametrize("rate", [0.5, 2.0, 6.0])
def test_evidence_is_the_integral_of_likelihood_ratios(rate: float) -> None:
    """As long as it is below the cap. Older events of a rare kind count by quarter-hours, so none are here."""
    minutes = [NOW_MINUTE - age for age in (80, 41, 40, 7, 3, 0)]
    finding = detect_leaving(events_of(minutes), _base(rate), NOW_MINUTE, 0.5)
    assert finding is not None
    begin = (NOW_MINUTE - 119) // 15 * 15 + 15 - 190 * 15
    assert 43_200 / finding.by_chance == pytest.approx(_evidence(minutes, rate, NOW_MINUTE, begin), rel=1e-3)


def test_the_clearest_window_is_shown() -> None:
    """Six in three minutes, where one in two hours is expected."""
    minutes = [NOW_MINUTE - age for age in (2, 2, 1, 1, 0, 0)]
    finding = detect_leaving(events_of(minutes), _base(0.5), NOW_MINUTE, 0.5)
    assert finding is not None
    assert (finding.events, finding.window_seconds) == (6, 180)
    assert finding.baseline_events == pytest.approx(3 * 0.5 / 60, rel=1e-3)


@pytest.mark.parametrize("weight", [0.5, 0.01])
def test_a_spike_is_forgotten_soon_however_large(weight: float) -> None:
    """Evidence that decides is capped: at the level of the rule the finding of an hour ago is over, not at 1e-30 of it."""
    spike = [NOW_MINUTE - 60] * 100
    during = detect_leaving(events_of(spike), _base(2.0), NOW_MINUTE - 60, weight)
    after = detect_leaving(events_of([*spike, NOW_MINUTE]), _base(2.0), NOW_MINUTE, weight)
    assert during is not None
    assert after is not None
    assert during.by_chance < 1e-30
    assert LEVEL * weight < after.by_chance


def test_of_two_spikes_the_larger_is_more_certain() -> None:
    """Also where both are beyond the cap."""
    chances = []
    for n in (20, 25):
        finding = detect_leaving(events_of([NOW_MINUTE] * n), _base(1.0), NOW_MINUTE, 0.5)
        assert finding is not None
        chances.append(finding.by_chance)
    assert chances[1] < chances[0] < LEVEL * 0.5 / 10


def test_more_events_are_never_less_evidence() -> None:
    before = None
    events = events_of([NOW_MINUTE - 30, NOW_MINUTE - 20])
    for _ in range(12):
        put(events, NOW_MINUTE)
        finding = detect_leaving(events, _base(1.0), NOW_MINUTE, 0.5)
        assert finding is not None
        assert before is None or finding.by_chance <= before
        before = finding.by_chance


def test_it_ends_within_five_minutes_of_the_last_event() -> None:
    events = events_of([NOW_MINUTE] * 30)
    assert detect_leaving(events, _base(1.0), NOW_MINUTE + 4, 0.5) is not None
    assert detect_leaving(events, _base(1.0), NOW_MINUTE + 5, 0.5) is None


def test_regular_events_are_no_finding_for_the_rule() -> None:
    """Six an hour where six an hour are expected, for two days."""
    minutes = list(range(NOW_MINUTE - 2880, NOW_MINUTE + 1, 10))
    finding = detect_leaving(events_of(minutes), _base(6.0), NOW_MINUTE, 0.5)
    assert finding is not None
    assert finding.by_chance > 1000
