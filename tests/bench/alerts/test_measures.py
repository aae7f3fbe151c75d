"""The last line of the measurement, the threshold of the limit, and functions of PromQL that no shipped rule uses."""

import re
import sys

import pytest

from tests.bench.alerts.needs import require_bench_extra

require_bench_extra()

import numpy as np  # noqa: E402

from stream.monitoring.evaluation.promql import Selector, parse  # noqa: E402
from tests.bench.alerts import __main__ as command  # noqa: E402
from tests.bench.alerts.limit import run_length  # noqa: E402
from tests.bench.alerts.promql import STEP, Evaluator  # noqa: E402
from tests.bench.alerts.special_days import Ints  # noqa: E402
from tests.bench.alerts.vectors import Series, Vector  # noqa: E402

LAST_LINE = (
    r"\d+\.\d\d false alarms a month, pages \d+\.\d\d; 30 leavers told after \d+ s \(median\), \d+ s \(p90\)"
)


def test_the_last_line_sums_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["alerts", *["--seeds", "1", "--weeks", "3", "--moments", "2", "--rules", "design"]]
    )
    command.main()
    assert re.fullmatch(LAST_LINE, capsys.readouterr().out.splitlines()[-1])


def test_the_run_length_of_a_random_walk_is_the_known_one() -> None:
    """A fair walk that stays at 0 instead of -1 takes h (h + 1) steps to h."""
    assert run_length(5.0, [1.0, -1.0], [0.5, 0.5]) == pytest.approx(30, rel=1e-6)


class Ramp:
    """Two series: the tick, and twice the tick at even ticks only."""

    def names(self) -> set[str]:
        return {"ramp"}

    def series(self, selector: Selector, ticks: Ints) -> Vector:
        even = np.where(ticks % 2 == 0, 2.0 * ticks, np.nan)
        all_series = [
            Series({"__name__": "ramp", "n": "1"}, ticks * 1.0),
            Series({"__name__": "ramp", "n": "2"}, even),
        ]
        return [series for series in all_series if all(m.accepts(series.labels) for m in selector.matchers)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('avg_over_time(ramp{n="1"}[20s])', [98.5, 99.5]),
        ('max_over_time(ramp{n="2"}[20s])', [200, 200]),
        ('min_over_time(ramp{n="2"}[20s:5s] offset 10s)', [192, 192]),
        ('stddev_over_time(ramp{n="1"}[10s])', [0.5, 0.5]),
        ('count_over_time(ramp{n="2"}[20s])', [2, 2]),
        ('delta(ramp{n="1"}[20s])', [3, 3]),
        ("max without (n) (ramp)", [200, 101]),
        ("count(ramp)", [2, 1]),
        ("sum(ramp) / 2 ^ 2 - -1", [76, 26.25]),
        ("topk(1, ramp)", [np.nan, 101, 200, np.nan]),
        ("bottomk by (job) (1, ramp)", [100, 101, np.nan, np.nan]),
        ('ramp{n="2"} or ignoring (n) ramp{n="1"}', [200, np.nan, np.nan, 101]),
        ('ramp{n="1"} unless ignoring (n) ramp{n="2"}', [np.nan, 101]),
        ('ramp{n="1"} > bool 100', [0, 1]),
        ('ramp{n="1"} * ignoring (n) group_left ramp{n="2"}', [20_000, np.nan]),
        ("scalar(ramp) + vector(1)", [np.nan, 102]),
        ("absent(ramp)", [np.nan, np.nan]),
        ('clamp_min(label_replace(ramp{n!="2"}, "m", "x$1", "n", "(.*)"), 101)', [101, 101]),
    ],
)
def test_expressions(expression: str, expected: list[float]) -> None:
    """Their values at tick 100 and 101, series by series."""
    values = Evaluator(Ramp(), [], np.array([100, 101])).evaluate(parse(expression))
    assert isinstance(values, list)
    assert np.concatenate([series.values for series in values]) == pytest.approx(expected, nan_ok=True)
    assert STEP == 5


@pytest.mark.parametrize("text", ["ramp{", "1 +", "ramp[5q]", "sum by (n ramp", "ramp 1", "(ramp"])
def test_a_faulty_expression_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"in '|not a duration"):
        parse(text)
