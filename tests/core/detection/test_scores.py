"""Scores and handle times against exact sums and their formulae."""

from math import comb, exp, log, pi, sqrt

import pytest

from stream.core.detection.finding import Finding
from stream.core.detection.means import NUMBER, SQUARES, SUM, logarithm, scan_means
from stream.core.detection.scores import DOWN, NEUTRAL, UP, rate, scan_scores
from stream.core.detection.stream_events import StreamEvents
from stream.core.detection.tails import normal_upper
from tests.core.detection.history import NOW_MINUTE, put

DAY_MINUTES = 1440


def _answers(down: int, neutral: int, up: int, *, at: int = NOW_MINUTE, month: int = 400) -> StreamEvents:
    """Return a month of 15 % detractors, 35 % passives and 50 % promoters, and then some answers."""
    events = StreamEvents(3)
    for n in range(month):
        put(events, NOW_MINUTE - 10 * DAY_MINUTES - n, (DOWN, NEUTRAL, UP)[(n % 20 > 2) + (n % 20 > 9)])
    for part, n in ((DOWN, down), (NEUTRAL, neutral), (UP, up)):
        put(events, at, part, n)
    return events


def test_the_rate_bounds_the_exact_tail_within_a_factor_of_five() -> None:
    """P(mean <= x) of n answers, summed over all numbers of detractors and promoters."""
    down, neutral, up = 0.2, 0.3, 0.5
    for n in (8, 20, 60):
        for balance in range(-n, n // 10, 2):
            tail = sum(
                comb(n, d) * comb(n - d, p) * down**d * up**p * neutral ** (n - d - p)
                for d in range(n + 1)
                for p in range(n + 1 - d)
                if p - d <= balance
            )
            evidence = n * rate(balance / n, down, neutral, up)
            assert tail <= exp(-evidence) * (1 + 1e-9)
            approximation = exp(-evidence) / sqrt(1 + 4 * pi * evidence)
            assert 1 / 5 < approximation / tail < 2 or tail < 1e-12 or balance == -n


@pytest.mark.parametrize("mean", [-0.9, -0.2, 0.1])
def test_the_rate_is_the_largest_exponent(mean: float) -> None:
    """Cramer: I(x) is the supremum over t of t x - log E exp(t X)."""
    down, neutral, up = 0.1, 0.4, 0.5
    exponents = (t / 1000 for t in range(-6000, 1000))
    largest = max(t * mean - log(down * exp(-t) + neutral + up * exp(t)) for t in exponents)
    assert rate(mean, down, neutral, up) == pytest.approx(largest, abs=1e-6)


def test_a_lower_score_has_the_formula_of_the_documents() -> None:
    """Twelve detractors among 14 answers, after 400 with a score of 35."""
    finding = scan_scores(_answers(12, 1, 1), NOW_MINUTE, 0.05)
    down, neutral, up = 60.5 / 401.5, 140.5 / 401.5, 200.5 / 401.5
    evidence = rate(-11 / 14, down, neutral, up) / (1 / 14 + 1 / 400 + 0.003)
    chance = 400 * 14 / (14 / 8) * exp(-evidence) / sqrt(1 + 4 * pi * evidence)
    assert finding is not None
    assert finding.by_chance == pytest.approx(chance, rel=1e-9)
    assert finding[1:] == (12, pytest.approx(14 * down), 3600)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(_answers(7, 0, 0), id="fewer than eight answers"),
        pytest.param(_answers(3, 7, 10), id="the score of before"),
        pytest.param(_answers(0, 0, 30), id="a better score"),
        pytest.param(_answers(12, 0, 0, month=29), id="fewer than 30 answers before"),
    ],
)
def test_no_finding_without_a_lower_score(events: StreamEvents) -> None:
    assert scan_scores(events, NOW_MINUTE, 0.05) is None


def test_a_score_that_recovers_ends_the_finding() -> None:
    """The newest quarter of a window must be lower, too."""
    events = _answers(40, 0, 0, at=NOW_MINUTE - 18 * 60)
    assert scan_scores(events, NOW_MINUTE, 0.05) is not None
    for hour in range(42):
        put(events, NOW_MINUTE - hour * 25, UP, 2)
    assert scan_scores(events, NOW_MINUTE, 0.05) is None


def test_more_detractors_are_never_less_certain() -> None:
    chances = []
    for down in range(10, 40):
        finding = scan_scores(_answers(down, 2, 2), NOW_MINUTE, 0.05)
        assert finding is not None
        chances.append(finding.by_chance)
    assert chances == sorted(chances, reverse=True)


def _calls(seconds: float, n: int, *, at: int = NOW_MINUTE) -> StreamEvents:
    """Return a month of 200 calls of 100 s and 200 of 400 s, and then some calls."""
    events = StreamEvents(3)
    for i, duration in enumerate((100, 400) * 200):
        _call(events, NOW_MINUTE - 10 * DAY_MINUTES - i, duration, 1)
    _call(events, at, seconds, n)
    return events


def _call(events: StreamEvents, minute: int, seconds: float, n: int) -> None:
    value = logarithm(1000 * seconds)
    for part, amount in ((NUMBER, 1), (SUM, value), (SQUARES, value * value)):
        put(events, minute, part, amount * n)


def _scan(events: StreamEvents) -> Finding | None:
    return scan_means(events, NOW_MINUTE)


def test_longer_calls_have_the_formula_of_the_documents() -> None:
    """Twenty of 600 s, where the geometric mean was 200 s. The window of 168 h has the least variance of its hours."""
    finding = _scan(_calls(600, 20))
    short, long, new = (logarithm(1000 * seconds) / 1000 for seconds in (100, 400, 600))
    assert (short, long, new) == pytest.approx((log(100_000), log(400_000), log(600_000)), abs=5e-4)
    chances = []
    for hours in (1, 2, 4, 8, 16, 24, 72, 168):
        variance = ((long - short) / 2) ** 2 * (1 / 20 + 1 / 400) + 0.045**2 + 0.09**2 / (1 + hours / 2)
        z = (new - (short + long) / 2) / sqrt(variance)
        chances.append(400 * 8 / (20 / 8) * normal_upper(z))
    assert finding is not None
    assert finding.by_chance == pytest.approx(min(chances), rel=1e-9)
    assert (finding.events, finding.baseline_events) == (
        pytest.approx(600, rel=1e-3),
        pytest.approx(200, rel=1e-3),
    )


def test_shorter_few_and_slightly_longer_calls_are_no_finding() -> None:
    assert _scan(_calls(100, 20)) is None
    assert _scan(_calls(600, 7)) is None
    assert _scan(_calls(215, 400)) is None


def test_calls_that_become_normal_end_the_finding() -> None:
    events = _calls(600, 20, at=NOW_MINUTE - 600)
    assert _scan(events) is not None
    for n in range(59):
        for hours in (0, 1, 4, 20, 40):
            _call(events, NOW_MINUTE - 60 * hours - n, 200, 1)
    assert _scan(events) is None


def test_longer_calls_are_never_less_certain() -> None:
    findings = [_scan(_calls(seconds, 20)) for seconds in range(300, 1500, 100)]
    chances = [finding.by_chance for finding in findings if finding is not None]
    assert len(chances) == 12
    assert chances == sorted(chances, reverse=True)
