"""Alerts that the rules that ship would have fired, with their evidence."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream.backtest.gauges import Gauges
from stream.core.model.time_buckets import MINUTE
from stream.errors import ConfigError
from stream.exporter.unusual import FAMILIES as UNUSUAL
from stream.monitoring.alerts.annotations import annotation
from stream.monitoring.alerts.prometheus_files import alerts, thresholds
from stream.monitoring.alerts.rule import AlertRule
from stream.monitoring.evaluation.firing import admitted, firing
from stream.monitoring.evaluation.instant import (
    InstantEvaluator,
    Labels,
    ParsedRecording,
    Vector,
    is_always_empty,
    recordings,
)
from stream.monitoring.evaluation.promql import (
    BinaryOperation,
    Selector,
    parse,
    seconds_of,
    selectors,
)
from stream.monitoring.evaluation.templates import render

TECHNICAL = ("instance", "job", "view")
"""Labels that are none of the label set."""


class RuleEvidence(NamedTuple):
    """The state of a rule for a label set at a moment.

    Attributes:
        minute: number of the minute at whose end it holds
        value: the value of the alert
        summary: the text of the alert
        figures: the series that the rule records, by the end of their name, and the `limit` below which it fires
    """

    minute: int
    value: float
    summary: str
    figures: dict[str, float]


class FiredAlert(NamedTuple):
    """An alert that fired for a label set. Minutes count from the epoch. `ongoing`: it fired when the events ended."""

    rule: AlertRule
    labels: Labels
    start: int
    end: int
    ongoing: bool
    evidence: RuleEvidence


class ActiveInterval:
    """A time in which the expression of a rule was true for a label set, and the clearest evidence in it."""

    def __init__(self, start: int, evidence: RuleEvidence) -> None:
        self.start = start
        self.end: int | None = None
        self.evidence = evidence


class _RecordingSource:
    """A source of series that remembers those that were read."""

    def __init__(self, gauges: Gauges) -> None:
        self.read: dict[Selector, Vector] = {}
        self._gauges = gauges

    def series(self, selector: Selector) -> Vector:
        """Return the present values of the selected series."""
        vector = self.read[selector] = self._gauges.series(selector)
        return vector


class RuleWatch:
    """A rule and the label sets for which its expression was true.

    Attributes:
        rule: the rule
        streams: the streams whose findings it reads. Without any it is about a figure and its target
    """

    def __init__(self, rule: AlertRule, values: Mapping[str, ParsedRecording]) -> None:
        self.rule = rule
        self._expression = parse(rule.expr)
        self._records = {
            **recordings((record.name, record.expr, record.labels) for record in rule.records),
            **{name: [recording] for name, recording in values.items()},
        }
        self._recorded = [record.name for record in rule.records]
        read = selectors(self._expression).union(
            *(selectors(recording.expression) for group in self._records.values() for recording in group)
        )
        self.streams = {
            matcher.value
            for selector in read
            if selector.name in UNUSUAL
            for matcher in selector.matchers
            if matcher.label == "of"
        }
        self._last: tuple[dict[Selector, Vector], Vector] | None = None
        """The series that the last evaluation read, and the value of the expression, None if it depends on the time."""
        self._for = _minutes(rule.for_)
        self._kept = _minutes(rule.keep_firing_for or "0s")
        self._minutes_between = max(1, self._for // 3)
        self._evaluated_at = -self._minutes_between
        self._has_waiting = False
        """Whether there are label sets for which no place was free at the last evaluation."""
        self._open: dict[Labels, ActiveInterval] = {}
        self._intervals: dict[Labels, list[ActiveInterval]] = {}

    @property
    def is_active(self) -> bool:
        """Whether its expression was true at the last evaluation."""
        return bool(self._open)

    def can_fire(self, gauges: Gauges) -> bool:
        """Return whether the rule has the targets that it needs."""
        return not is_always_empty(self._expression, self._records, gauges.is_never)

    def evaluate(self, minute: int, gauges: Gauges, changed: set[str]) -> None:
        """Evaluate the rule if it is due. `changed` are the streams whose findings changed."""
        if self.streams:
            if self.streams.isdisjoint(changed) and not self._has_waiting:
                return
        elif minute - self._evaluated_at < self._minutes_between:
            return
        self._evaluated_at = minute
        source = _RecordingSource(gauges)
        evaluator = InstantEvaluator(source, self._records, (minute + 1) * MINUTE / 1000)
        if self._last is not None and all(gauges.series(read) == old for read, old in self._last[0].items()):
            condition = self._last[1]
        else:
            condition = evaluator.vector(self._expression)
            self._last = None if evaluator.has_read_time else (source.read.copy(), condition)
        values = admitted(condition, self._firing(minute), self.rule.shown)
        self._has_waiting = len(values) < len(condition)
        for labels, value in values.items():
            interval = self._open.get(labels)
            if interval is None:
                interval = ActiveInterval(minute, self._evidence(minute, labels, value, evaluator))
                self._open[labels] = interval
                self._intervals.setdefault(labels, []).append(interval)
            elif self.streams and value < interval.evidence.value:
                interval.evidence = self._evidence(minute, labels, value, evaluator)
        for labels in self._open.keys() - values.keys():
            self._open.pop(labels).end = minute

    def _firing(self, minute: int) -> set[Labels]:
        """Return the label sets that fire at a minute, those that are only kept firing included."""
        return {
            labels
            for labels, intervals in self._intervals.items()
            if intervals[-1].end is None or minute - intervals[-1].end < self._kept
        }

    def _evidence(
        self, minute: int, labels: Labels, value: float, evaluator: InstantEvaluator
    ) -> RuleEvidence:
        figures = {}
        for name in self._recorded:
            recorded = evaluator.vector(Selector(name, ())).get(labels)
            if recorded is not None:
                figures[name.rpartition(":")[2]] = recorded
        match self._expression:
            case BinaryOperation("<", _, limit):
                figures["limit"] = evaluator.scalar(limit)
        summary = render(annotation(self.rule.summary), dict(labels), value, evaluator)
        return RuleEvidence(minute, value, summary, figures)

    def fired(self, end: int) -> Iterable[FiredAlert]:
        """Yield every alert up to the minute before `end`."""
        for labels, intervals in self._intervals.items():
            bounds = [
                (interval.start, end if interval.end is None else interval.end) for interval in intervals
            ]
            for start, stop in firing(bounds, end, self._for, self._kept):
                during = [
                    interval.evidence
                    for interval, (first, last) in zip(intervals, bounds, strict=True)
                    if first < stop and start - self._for < last
                ]
                evidence = min(during, key=lambda item: item.value) if self.streams else during[0]
                yield FiredAlert(self.rule, labels, start, stop, stop == end, evidence)


class AlertWatch:
    """All rules about metrics, with the thresholds that ship or others."""

    def __init__(self, gauges: Gauges, changed_thresholds: Mapping[str, float]) -> None:
        """Raise ConfigError for a threshold that does not exist."""
        known = {threshold.name: threshold for threshold in thresholds()}
        for name in changed_thresholds:
            if name not in known:
                raise ConfigError(f"--threshold: got {name!r}, allowed are {', '.join(known)}")
        values = {
            threshold.series: ParsedRecording(
                parse(f"vector({changed_thresholds.get(name, threshold.value)!r})"), ()
            )
            for name, threshold in known.items()
        }
        self._gauges = gauges
        watches = [
            RuleWatch(rule, {t.series: values[t.series] for t in rule.thresholds})
            for name, rules in alerts().items()
            if name != "pipeline"
            for rule in rules
        ]
        self.watches = [watch for watch in watches if watch.can_fire(gauges)]

    @property
    def is_active(self) -> bool:
        """Whether the expression of a rule is true."""
        return any(watch.is_active for watch in self.watches)

    def evaluate(self, minute: int, domains: set[str]) -> None:
        """Evaluate the rules of some domains at the end of a minute."""
        changed = self._gauges.update((minute + 1) * MINUTE - 1)
        for watch in self.watches:
            if watch.rule.domain in domains:
                watch.evaluate(minute, self._gauges, changed)

    def fired(self, end: int) -> list[FiredAlert]:
        """Return every alert up to the minute before `end`, in the order of their beginnings."""
        fired = [alert for watch in self.watches for alert in watch.fired(end)]
        return sorted(fired, key=lambda alert: (alert.start, alert.rule.name, alert.labels))


def label_set_of(labels: Labels) -> tuple[str, dict[str, str]]:
    """Return the view of an alert, and the labels of the view."""
    return dict(labels)["view"], {name: value for name, value in labels if name not in TECHNICAL}


def _minutes(duration: str) -> int:
    return round(seconds_of(duration) / 60)
