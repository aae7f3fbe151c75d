"""Read alert rules from the files of Prometheus, and find out when each of them fires."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from stream.monitoring.evaluation.firing import Intervals, firing
from stream.monitoring.evaluation.promql import (
    Aggregation,
    BinaryOperation,
    Expression,
    FunctionCall,
    RangeExpression,
    Selector,
    names_read,
    parse,
    seconds_of,
)
from tests.bench.alerts.promql import STEP, Evaluator, Record, Source
from tests.bench.alerts.special_days import Bools, Ints
from tests.bench.alerts.vectors import Key, Labels, key_of, unnamed

PIPELINE = "pipeline"
"""The domain of alerts about cxgauge itself. Restarts of workers may fire them, so they are not judged."""
PAGES = {"critical", "page"}
"""Severities that wake somebody."""


class Alert(NamedTuple):
    """An alert rule. Durations are in ticks."""

    name: str
    expression: Expression
    labels: Key
    for_: int
    keep_firing_for: int

    @property
    def is_page(self) -> bool:
        return dict(self.labels).get("severity") in PAGES


class RuleSet(NamedTuple):
    """The rules of a folder or file.

    `not_judged` are alerts about cxgauge itself, and those that read series which the simulator does not have. Recording rules
    of such series are left out.
    """

    records: list[Record]
    alerts: list[Alert]
    not_judged: list[str]


class Episode(NamedTuple):
    """An alert of a label set, from the first tick at which it fires to the first at which it does not."""

    alert: str
    labels: Key
    start: int
    end: int


def read_rules(path: Path, source: Source) -> RuleSet:
    """Read the rules of a file, or of all .yml files of a folder. Raises ValueError if there are none."""
    files = sorted(path.glob("*.yml")) if path.is_dir() else [path]
    return rule_set([rule for file in files for rule in rules_of(file)], source)


def rules_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rules of a file, also of one for the Prometheus operator."""
    document = yaml.safe_load(file.read_text())
    for group in document.get("spec", document).get("groups", []):
        yield from group["rules"]


def rule_set(rules: Sequence[dict[str, Any]], source: Source) -> RuleSet:
    """Return the parsed rules. Raises ValueError if no alert can be judged."""
    records = [
        Record(rule["record"], parse(str(rule["expr"])), _texts(rule.get("labels")))
        for rule in rules
        if "record" in rule
    ]
    readable = _readable(records, source.names())
    alerts, not_judged = [], []
    for rule in rules:
        if "alert" not in rule:
            continue
        (expression, kept), labels = condition_of(parse(str(rule["expr"]))), _texts(rule.get("labels"))
        if labels.get("domain") == PIPELINE or not names_read(expression) <= readable:
            not_judged.append(rule["alert"])
            continue
        for_, keep_firing_for = (seconds_of(str(rule.get(key, "0s"))) for key in ("for", "keep_firing_for"))
        times = (round(seconds / STEP) for seconds in (for_, max(kept, keep_firing_for)))
        alerts.append(Alert(rule["alert"], expression, key_of(labels), *times))
    if not alerts:
        raise ValueError(f"no alert of {not_judged} reads series of the simulator only")
    return RuleSet([record for record in records if record.name in readable], alerts, not_judged)


def condition_of(expression: Expression) -> tuple[Expression, float]:
    """Return the condition of an alert, and the seconds for which it fires after the condition held last.

    `C or last_over_time(C[5m]) and ignoring (...) ALERTS{...}` is C, kept firing for 5 minutes: the shipped rules keep alerts
    so. Evaluating it as it stands would need every tick. In place of the first C, `bottomk(1, C) or bottomk(3, C) unless ...` is
    bottomk(3, C): that label sets which fire keep their places is left out, so that there are more alarms than in reality.
    """
    match expression:
        case BinaryOperation(
            "or",
            BinaryOperation(
                "or", _, BinaryOperation("unless", Aggregation("bottomk", Selector(name)) as condition)
            ),
            BinaryOperation(
                "and",
                FunctionCall("last_over_time", (RangeExpression(Selector(kept), seconds),)),
                Selector("ALERTS"),
            ),
        ) if name == kept:
            return condition, seconds
        case BinaryOperation(
            "or",
            Selector(name) as condition,
            BinaryOperation(
                "and",
                FunctionCall("last_over_time", (RangeExpression(Selector(kept), seconds),)),
                Selector("ALERTS"),
            ),
        ) if name == kept:
            return condition, seconds
    return expression, 0.0


def _texts(labels: dict[str, Any] | None) -> Labels:
    return {name: str(value) for name, value in (labels or {}).items()}


def _readable(records: Iterable[Record], names: set[str]) -> set[str]:
    """Return the names of all series of the simulator, those that are recorded from them included."""
    readable, waiting = set(names), list(records)
    while True:
        unreadable = [record for record in waiting if not names_read(record.expression) <= readable]
        blocked = {record.name for record in unreadable}
        new = {record.name for record in waiting} - blocked - readable
        if not new:
            return readable
        readable |= new
        waiting = unreadable


ActiveAlerts = dict[tuple[Alert, Key], Intervals]
"""The intervals of ticks in which the expression of an alert is true, by label set."""


def active_alerts(rules: RuleSet, source: Source, ticks: Ints, end: int) -> ActiveAlerts:
    """Evaluate all alerts from the first tick to `end`. Between two of the ticks no gauge may change."""
    evaluator = Evaluator(source, rules.records, ticks)
    bounds = np.append(ticks, end)
    active: ActiveAlerts = {}
    for alert in rules.alerts:
        present: dict[Key, Bools] = {}
        for series in evaluator.vector(alert.expression):
            labels = key_of(unnamed(series.labels) | dict(alert.labels))
            here = ~np.isnan(series.values)
            present[labels] = present[labels] | here if labels in present else here
        for labels, here in present.items():
            padded = np.concatenate([[False], here, [False]])
            edges = bounds[np.flatnonzero(padded[1:] != padded[:-1])].tolist()
            if edges:
                active[alert, labels] = list(zip(edges[::2], edges[1::2], strict=True))
    return active


def joined(parts: Iterable[ActiveAlerts]) -> ActiveAlerts:
    """Join the results of consecutive evaluations."""
    active: ActiveAlerts = {}
    for part in parts:
        for key, intervals in part.items():
            before = active.setdefault(key, [])
            if before and before[-1][1] == intervals[0][0]:
                before[-1] = (before[-1][0], intervals[0][1])
                before += intervals[1:]
            else:
                before += intervals
    return active


def episodes(active: ActiveAlerts, end: int) -> list[Episode]:
    """Return every firing alert, in the order of rules."""
    return [
        Episode(alert.name, labels, start, stop)
        for (alert, labels), intervals in active.items()
        for start, stop in firing(intervals, end, alert.for_, alert.keep_firing_for)
    ]
