"""An alert rule, what it is computed from and the figures in it that an operator may change."""

from typing import Literal, NamedTuple

import msgspec

Severity = Literal["critical", "warning", "info"]
Domain = Literal["feedback", "tickets", "customers", "pipeline", ""]
"""Which figures it is about; empty: its series say it."""


class Threshold(NamedTuple):
    """A figure that rules read from a series, so that it can be changed in one place."""

    name: str
    value: float
    meaning: str

    @property
    def series(self) -> str:
        """The series that holds it."""
        return f"cx:threshold:{self.name}"

    def __str__(self) -> str:
        """As a scalar in PromQL."""
        return f"scalar({self.series})"


class RecordingRule(NamedTuple):
    """A recording rule. `labels` are added to what the expression gives."""

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and the recording rules that it reads, evaluated in this order. Its runbook is named after it."""

    name: str
    severity: Severity
    domain: Domain
    window: str = ""
    """The window that it looks at, for its label; empty when it looks at none."""
    for_: str
    keep_firing_for: str = ""
    expr: str
    records: tuple[RecordingRule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    summary: str
    """One line with the figure, its sample size and its bounds, as Prometheus' template."""
    description: str
    """What it means, for someone who reads it at night."""

    @property
    def labels(self) -> dict[str, str]:
        """What it adds to the labels of its series."""
        given = {"severity": self.severity, "domain": self.domain, "window": self.window}
        return {name: value for name, value in given.items() if value}

    @property
    def runbook(self) -> str:
        """Where its runbook is, from the project's root."""
        return f"deploy/runbooks/{self.name}.md"
