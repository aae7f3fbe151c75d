"""The simulator evaluates the shipped rules as Prometheus does: `promtool test rules` on the same gauges."""

import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stream.deployment import FOLDER
from tests.bench.alerts.needs import require_bench_extra

require_bench_extra()

import numpy as np  # noqa: E402

from stream.monitoring.evaluation.firing import firing  # noqa: E402
from stream.monitoring.evaluation.promql import Selector, names_read, parse  # noqa: E402
from tests.bench.alerts.detection import SimulatedDetections  # noqa: E402
from tests.bench.alerts.families import SimulatedExporter  # noqa: E402
from tests.bench.alerts.incidents import INCIDENTS, excerpt, moments  # noqa: E402
from tests.bench.alerts.promql import STEP, Evaluator, Source  # noqa: E402
from tests.bench.alerts.rules import RuleSet, active_alerts, condition_of, episodes, rule_set, rules_of  # noqa: E402
from tests.bench.alerts.special_days import HOUR, Floats, Ints  # noqa: E402
from tests.bench.alerts.traffic import LABEL_SETS, TOTAL, Traffic, generate  # noqa: E402
from tests.bench.alerts.vectors import Vector, unnamed  # noqa: E402

RULES = FOLDER / "prometheus" / "rules"
APP = LABEL_SETS[2]
BEFORE, AFTER = HOUR // STEP, HOUR // STEP
"""Ticks before the moment at which the rules are read, and after it."""
CASES = [
    (("30 leavers, app", "30 notices, app", "40 late replies, app", "nobody answers"), 0),
    (("reopenings times 4", "handle time doubled", "NPS -94", "CSAT -50"), 18),
    (("answers lost",), 14),
]
"""Incidents that begin together, and how many hours after them rules are read."""
PIPELINE = "pipeline.yml"


class Scraped:
    """The gauges since Prometheus started, which has no earlier ones."""

    def __init__(self, source: Source, first: int) -> None:
        self._source = source
        self._first = first

    def names(self) -> set[str]:
        return self._source.names()

    def series(self, selector: Selector, ticks: Ints) -> Vector:
        scraped = np.where(ticks >= self._first, 1.0, np.nan)
        return [
            series._replace(values=series.values * scraped) for series in self._source.series(selector, ticks)
        ]


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return generate(1, weeks=8)


def notation(values: Floats) -> str:
    """Return values in promtool's notation, equal ones together.

    A series that is missing from a scrape is stale at once, as in Prometheus. `_` alone would keep its value for five minutes.
    """
    with np.errstate(invalid="ignore"):
        changed = (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    starts = np.concatenate([[0], np.flatnonzero(changed) + 1, [len(values)]])
    parts = []
    for start, end in pairwise(starts):
        value, repeats = float(values[start]), end - start
        missing = f"stale _x{repeats - 1}" if repeats > 1 else "stale"
        parts.append(missing if np.isnan(value) else f"{value!r}+0x{repeats - 1}")
    return " ".join(parts)


def braces(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


@pytest.mark.tools
@pytest.mark.parametrize(("incidents", "hours"), CASES)
def test_rules_equal_those_of_prometheus(
    incidents: tuple[str, ...], hours: int, traffic: Traffic, require: Callable[[str], Path], tmp_path: Path
) -> None:
    quiet, moment = excerpt(traffic, moments(1, 3, last_day=80)[1], days_after=8)
    disturbed = quiet
    for incident in incidents:
        disturbed = INCIDENTS[incident].change(disturbed, moment, np.random.default_rng(5))
    first = int(moment + hours * HOUR) // STEP - BEFORE
    end = first + BEFORE + AFTER
    detections = SimulatedDetections(disturbed, first, end)
    exporter = SimulatedExporter(disturbed, detections, label_sets=(TOTAL, APP))
    files = [path for path in sorted(RULES.glob("*.yml")) if path.name != PIPELINE]
    rules = rule_set([rule for path in files for rule in rules_of(path)], exporter)
    ticks = np.arange(first, end)
    checks = [
        *checks_of_records(rules, Scraped(exporter, first), ticks),
        *checks_of_alerts(rules, exporter, ticks),
    ]
    assert any(check["exp_samples"] and "ALERTS" in check["expr"] for check in checks), "nothing fires"
    document = {
        "rule_files": [str(path) for path in files],
        "evaluation_interval": f"{STEP}s",
        "tests": [
            {
                "interval": f"{STEP}s",
                "input_series": list(input_series(rules, exporter, ticks)),
                "promql_expr_test": checks,
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(json.dumps(document))
    result = subprocess.run(
        [require("promtool"), "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[:3000]


def input_series(rules: RuleSet, exporter: SimulatedExporter, ticks: Ints) -> Iterator[dict[str, str]]:
    """Yield the gauges that the rules read."""
    expressions = [record.expression for record in rules.records]
    expressions += [alert.expression for alert in rules.alerts]
    for name in sorted(set().union(*map(names_read, expressions)) & exporter.names()):
        for series in exporter.series(Selector(name, ()), ticks):
            if not np.isnan(series.values).all():
                yield {
                    "series": f"{name}{braces(unnamed(series.labels))}",
                    "values": notation(series.values),
                }


def times_of_checks(ticks: Ints) -> Ints:
    """Return a time every five minutes, in ticks from the first one. None is at the end of a `for`."""
    return np.arange(30, len(ticks), 60)


def checks_of_records(rules: RuleSet, source: Source, ticks: Ints) -> Iterator[dict[str, Any]]:
    """Yield the expected values of the recorded series that depend on gauges."""
    evaluator = Evaluator(source, rules.records, ticks)
    for name in sorted({record.name for record in rules.records}):
        record_reads = set().union(*(names_read(r.expression) for r in rules.records if r.name == name))
        if not record_reads or record_reads - source.names() - {r.name for r in rules.records}:
            continue
        for series in evaluator.vector(parse(name)):
            labels = unnamed(series.labels)
            for at in times_of_checks(ticks)[::6]:
                value = float(series.values[at])
                if np.isfinite(value):
                    distance = (
                        f"abs({name}{braces(labels)} - {value!r}) <= bool {max(abs(value) * 1e-6, 1e-9)!r}"
                    )
                    samples = [{"labels": braces(labels), "value": 1}]
                    yield {"expr": distance, "eval_time": f"{at * STEP}s", "exp_samples": samples}


def checks_of_alerts(rules: RuleSet, exporter: SimulatedExporter, ticks: Ints) -> Iterator[dict[str, Any]]:
    """Yield the label sets for which every alert fires."""
    first, end = int(ticks[0]), int(ticks[-1]) + 1
    fired = episodes(active_alerts(rules, Scraped(exporter, first), ticks, end), end)
    for alert in rules.alerts:
        for at in times_of_checks(ticks):
            samples = [
                {
                    "labels": braces(
                        {
                            "__name__": "ALERTS",
                            "alertstate": "firing",
                            "alertname": alert.name,
                            **dict(e.labels),
                        }
                    ),
                    "value": 1,
                }
                for e in fired
                if e.alert == alert.name and e.start <= first + at < e.end
            ]
            expression = f'ALERTS{{alertname="{alert.name}",alertstate="firing"}}'
            yield {"expr": expression, "eval_time": f"{at * STEP}s", "exp_samples": samples}


def test_an_alert_fires_after_for_and_is_kept_firing() -> None:
    assert firing([(10, 20), (22, 30)], 100, for_=6, keep_firing_for=10) == [(16, 40)]
    assert firing([(10, 16), (50, 51)], 100, for_=6, keep_firing_for=10) == []
    assert firing([(10, 20), (40, 50)], 100, for_=0, keep_firing_for=10) == [(10, 30), (40, 60)]
    assert firing([(90, 100)], 100, for_=0, keep_firing_for=50) == [(90, 100)]


def test_the_condition_of_a_kept_alert_is_found() -> None:
    """Another expression is the condition itself."""
    firing_now = 'and ignoring (alertname) ALERTS{alertname="A", alertstate="firing"}'
    condition = Selector("cx:a:condition", ())
    kept = parse(f"cx:a:condition or last_over_time(cx:a:condition[4m]) {firing_now}")
    assert condition_of(kept) == (condition, 240.0)
    places = "bottomk(1, cx:a:condition) or bottomk(3, cx:a:condition) unless on () count(ALERTS) >= 3"
    kept = parse(f"{places} or last_over_time(cx:a:condition[6h]) {firing_now}")
    assert condition_of(kept) == (parse("bottomk(3, cx:a:condition)"), 21_600.0)
    other = parse(f"cx:a:condition or last_over_time(cx:b:condition[4m]) {firing_now}")
    assert condition_of(other) == (other, 0.0)
    assert condition_of(condition) == (condition, 0.0)
