"""Alert rules, the recording rules they read, and the thresholds that an operator may change."""

import re
from typing import Literal, NamedTuple

import msgspec

Severity = Literal["critical", "warning", "info"]
Domain = Literal["feedback", "tickets", "customers", "pipeline", ""]
"""The domain of the metrics that an alert is about. Empty if it is a label of the series."""


class Threshold(NamedTuple):
    """A number that rules read from a recorded series, so that it can be changed in one place."""

    name: str
    value: float
    meaning: str

    @property
    def series(self) -> str:
        """The name of its recorded series."""
        return f"cx:threshold:{self.name}"

    def __str__(self) -> str:
        """Return it as a scalar in PromQL."""
        return f"scalar({self.series})"


class RecordingRule(NamedTuple):
    """A recording rule. `labels` are added to the result of the expression."""

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """An alert rule. Its recording rules are evaluated before it, in their order. Its runbook has its name."""

    name: str
    severity: Severity
    domain: Domain
    window: str = ""
    """The label of the window that it evaluates. Empty if it evaluates none."""
    for_: str
    keep_firing_for: str = ""
    """How long it fires after its condition held last. Empty if it ends with it."""
    shown: int = 0
    """How many label sets of an installation fire at the same time, those with the smallest values. 0 is all."""
    expr: str
    """Its condition."""
    records: tuple[RecordingRule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    of: str = ""
    """The stream of events that it is about, as in the series about unusual figures. Empty if it is about none."""
    share: float = 0.0
    """Its share of the false alarms, if it is about a stream."""
    summary: str
    """Prometheus template of one line with the value and, for a metric, its sample size and bounds."""
    kept: str = ""
    """The summary while the condition does not hold and the alert is only kept firing, with the present figures.

    For how long it is kept is added to it.
    """
    description: str
    """The meaning of the alert in one or two sentences."""

    @property
    def labels(self) -> dict[str, str]:
        """The labels that it adds to those of its series."""
        labels = {"severity": self.severity, "domain": self.domain, "window": self.window}
        return {name: value for name, value in labels.items() if value}

    @property
    def condition(self) -> RecordingRule | None:
        """The recorded condition, by which an alert that is kept firing knows whether it holds now. None if it is not kept."""
        words = "_".join(word.lower() for word in re.findall("[A-Z][a-z]+", self.name)[1:])
        return RecordingRule(f"cx:{words}:condition", self.expr) if self.keep_firing_for else None

    @property
    def runbook(self) -> str:
        """The path of its runbook from the project's root."""
        return f"deploy/runbooks/{self.name}.md"
