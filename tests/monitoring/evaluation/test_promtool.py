"""Every rule about a metric is evaluated as Prometheus does it: `promtool test rules` on the same series.

The same label sets, values, recorded series and texts of notifications are expected.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from stream.deployment import FOLDER
from stream.monitoring.alerts.annotations import annotation
from stream.monitoring.alerts.prometheus_files import alerts, thresholds
from stream.monitoring.alerts.rule import AlertRule
from stream.monitoring.evaluation.firing import admitted
from stream.monitoring.evaluation.instant import (
    InstantEvaluator,
    Labels,
    Vector,
    labels_of,
    recordings,
    selected,
)
from stream.monitoring.evaluation.promql import Selector, parse
from stream.monitoring.evaluation.templates import render

RULES = FOLDER / "prometheus" / "rules"
AT = "40m"
"""The time of all checks, after every `for`."""
REPLICA = {"instance": "a:9817", "job": "cxgauge"}
COVERAGE = {name: {labels_of(REPLICA): 36.0} for name in ("cx_partitions_covered", "cx_partitions_expected")}
METRIC_RULES = [rule for name, rules in alerts().items() if name != "pipeline" for rule in rules]
STREAMS = (
    "leaving",
    "payment_churn",
    "answers_late",
    "reopenings",
    "handle_time",
    "nps",
    "csat",
    "answers_missing",
)
CHANNELS = {"web": 0.004, "app": 0.001, 'quo"te': 0.1, "phone": 0.02, "fax": 0.0002, "shop": 5.0}
"""Values of a label, and how often a month chance shows their findings."""
DAYS_7, HOUR, DAY = {"window": "7d"}, {"window": "1h"}, {"window": "24h"}


def of_channel(channel: str, **others: str) -> Labels:
    return labels_of({**REPLICA, "view": "channel", "channel": channel, **others})


def of_total(**others: str) -> Labels:
    return labels_of({**REPLICA, "view": "total", **others})


def findings() -> dict[str, Vector]:
    """Findings of every stream, more than three of which are below its limit."""
    names = ("by_chance_per_month", "events", "baseline_events", "window_seconds")
    series: dict[str, Vector] = {f"cx_unusual_{name}": {} for name in names}
    windows = (60.0, 360.0, 3_600.0, 86_400.0, 604_800.0, 7_200.0)
    for of in STREAMS:
        for number, (channel, by_chance) in enumerate(CHANNELS.items()):
            numbers = (by_chance, 25.0 + number, 0.4 + number, windows[number])
            for name, number_of in zip(names, numbers, strict=True):
                series[f"cx_unusual_{name}"][of_channel(channel, of=of)] = number_of
    return series


def figures() -> dict[str, Vector]:
    """Figures with targets: some label sets miss them clearly, others do not or have few answers."""
    series: dict[str, Vector] = {
        "cx_target": {
            labels_of({**REPLICA, "figure": figure}): target
            for figure, target in (("cx_nps_score", 40.0), ("cx_csat_ratio", 0.9))
        },
        "cx_active_customers": {of_channel(channel): 960.0 for channel in CHANNELS},
        "cx_waiting_over_target_tickets": {of_total(): 40.0, of_channel("app"): 30.0, of_channel("web"): 4.0},
        "cx_waiting_tickets": {of_total(): 90.0, of_channel("app"): 31.0, of_channel("web"): 4.0},
        "cx_waiting_oldest_seconds": {of_total(): 93_784.0, of_channel("app"): 4_000.0},
        "cx_first_responses": {
            of_total(**HOUR): 20.0,
            of_total(**DAY): 600.0,
            of_channel("app", **HOUR): 5.0,
            of_channel("app", **DAY): 48.0,
        },
    }
    for channel, (nps, n, csat) in {
        "web": (10, 900, 0.4),
        "app": (39, 900, 0.89),
        "fax": (-60, 12, 0.1),
    }.items():
        window = of_channel(channel, **DAYS_7)
        series.setdefault("cx_nps_score", {})[window] = float(nps)
        series.setdefault("cx_nps_score_low", {})[window] = nps - 5.0
        series.setdefault("cx_nps_score_high", {})[window] = nps + 5.0
        series.setdefault("cx_csat_ratio", {})[window] = csat
        for category, part in (("promoter", 0.5), ("passive", 0.25), ("detractor", 0.25)):
            key = of_channel(channel, category=category, **DAYS_7)
            series.setdefault("cx_nps_responses", {})[key] = n * part
        for satisfied, part in (("true", csat), ("false", 1 - csat)):
            key = of_channel(channel, satisfied=satisfied, **DAYS_7)
            series.setdefault("cx_csat_responses", {})[key] = n * part
    return series


class FixedSource:
    """The series of the test."""

    def __init__(self) -> None:
        self.by_name: dict[str, Vector] = {**COVERAGE, **findings(), **figures()}

    def series(self, selector: Selector) -> Vector:
        return selected(selector, self.by_name.get(selector.name, {}))


def evaluator_of(rule: AlertRule) -> InstantEvaluator:
    values = [(threshold.series, f"vector({threshold.value})", ()) for threshold in thresholds()]
    records = recordings([*((r.name, r.expr, r.labels) for r in rule.records), *values])
    return InstantEvaluator(FixedSource(), records)


def braces(labels: Labels) -> str:
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels) + "}"


def alert_test(rule: AlertRule) -> dict[str, Any]:
    evaluator = evaluator_of(rule)
    expected = [
        {
            "exp_labels": {**dict(labels), **rule.labels},
            "exp_annotations": {
                "summary": render(annotation(rule.summary), dict(labels), value, evaluator),
                "description": render(rule.description, dict(labels), value, evaluator),
                "runbook_url": rule.runbook,
            },
        }
        for labels, value in admitted(evaluator.vector(parse(rule.expr)), (), rule.shown).items()
    ]
    return {"eval_time": AT, "alertname": rule.name, "exp_alerts": expected}


def record_tests(rule: AlertRule) -> Iterator[dict[str, Any]]:
    evaluator = evaluator_of(rule)
    for record in rule.records:
        vector = evaluator.vector(parse(record.name))
        numbers = {labels: value for labels, value in vector.items() if not isnan(value)}
        samples = [{"labels": braces(labels), "value": 1} for labels, value in numbers.items()]
        text = " or ".join(
            f"abs({record.name}{braces(labels)} - {value!r}) <= bool {max(abs(value) * 1e-9, 1e-9)!r}"
            for labels, value in numbers.items()
        )
        if text:
            yield {"expr": text, "eval_time": AT, "exp_samples": samples}
        yield {
            "expr": f"count({record.name})",
            "eval_time": AT,
            "exp_samples": [{"labels": "{}", "value": len(vector)}] if vector else [],
        }


@pytest.mark.tools
def test_rules_and_texts_equal_those_of_prometheus(require: Callable[[str], Path], tmp_path: Path) -> None:
    alert_tests = [alert_test(rule) for rule in METRIC_RULES]
    assert {test["alertname"]: len(test["exp_alerts"]) for test in alert_tests} == {
        rule.name: {"CxNpsBelowTarget": 1, "CxCsatBelowTarget": 1, "CxWaitingOverTarget": 2}.get(rule.name, 3)
        for rule in METRIC_RULES
    }
    document = {
        "rule_files": [str(path) for path in sorted(RULES.glob("*.yml")) if path.name != "pipeline.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name + braces(labels), "values": f"{value!r}+0x60"}
                    for name, vector in FixedSource().by_name.items()
                    for labels, value in vector.items()
                ],
                "alert_rule_test": alert_tests,
                "promql_expr_test": [test for rule in METRIC_RULES for test in record_tests(rule)],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(json.dumps(document))
    result = subprocess.run(
        [require("promtool"), "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[:4000]
