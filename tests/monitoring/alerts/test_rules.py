"""All rules: valid, documented, and equal to the generated ones."""

import re
import subprocess
from pathlib import Path

import pytest

from stream.core.metrics import REGISTRY
from stream.deployment import FOLDER
from stream.exporter import unusual
from stream.monitoring.alerts.prometheus_files import alerts, documents, thresholds

pytestmark = pytest.mark.fresh

ALERTS = [alert for rules in alerts().values() for alert in rules]
RULES = sorted((FOLDER / "prometheus" / "rules").glob("*.yml"))
PIPELINE = {
    "cx_events_total",
    "cx_event_lag_seconds",
    "cx_partitions_expected",
    "cx_partitions_covered",
    "cx_clock_difference_seconds",
    "cx_series_folded_total",
    "cx_window_repairs_total",
    "cx_target",
}
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "False positives")


def expressions(alert):
    """Return all PromQL of an alert."""
    return "\n".join([alert.expr, *(record.expr for record in alert.records)])


@pytest.mark.tools
def test_promtool_reports_nothing(require):
    """With every lint of promtool 2.42."""
    command = [require("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULES]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_rule_files_equal_the_generated_ones():
    """The mounted folder is the tested one."""
    written = {f"deploy/prometheus/rules/{path.name}": path.read_bytes() for path in RULES}
    assert written == documents()


def test_names_are_unique():
    """Names of alerts, of recorded series with their labels, and of thresholds."""
    names = [alert.name for alert in ALERTS]
    recorded = [(record.name, record.labels) for alert in ALERTS for record in alert.records]
    values = [threshold.name for threshold in thresholds()]
    for unique_values in (names, recorded, values):
        assert len(unique_values) == len(set(unique_values))


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    """Every runbook has all sections and mentions only thresholds of its alert."""
    folder = FOLDER / "runbooks"
    assert {path.stem for path in folder.glob("*")} == {alert.name for alert in ALERTS}
    for alert in ALERTS:
        text = Path(FOLDER.parent / alert.runbook).read_text()
        assert text.startswith(f"# {alert.name}\n")
        parts = [part.partition("\n") for part in text.split("\n## ")[1:]]
        assert [heading for heading, _, _ in parts] == list(SECTIONS)
        assert all(body.strip() for _, _, body in parts), f"{alert.name}: a section is empty"
        assert f"\nSeverity: {alert.severity}\n" in text
        series = {threshold.series for threshold in alert.thresholds}
        assert set(re.findall(r"cx:threshold:\w+", text)) <= series


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_series_that_a_rule_reads_exists(alert):
    """A series is exposed, recorded by the same alert, or a threshold."""
    exposed_families = {family.name for metric in REGISTRY.values() for family in metric.families} | PIPELINE
    exposed_families |= unusual.FAMILIES.keys()
    recorded = {record.name for record in alert.records}
    assert set(re.findall(r"\bcx_\w+", expressions(alert))) <= exposed_families
    series_read = set(re.findall(r"\bcx:[\w:]+", expressions(alert) + alert.summary + alert.description))
    assert series_read - recorded == {threshold.series for threshold in alert.thresholds}


METRIC_ALERTS = [alert for alert in ALERTS if alert.domain not in ("pipeline", "")]


@pytest.mark.parametrize("alert", METRIC_ALERTS, ids=lambda alert: alert.name)
def test_alerts_about_metrics_need_complete_figures(alert):
    """They read recorded series only, hold for a while, and say no statistics in the summary."""
    assert not re.search(r'window="\d+m"', expressions(alert))
    assert alert.keep_firing_for
    for record in alert.records:
        assert "cx_" not in record.expr or "cx_partitions_covered == cx_partitions_expected" in record.expr
    assert "cx_" not in alert.expr
    assert not re.search(r":bound|by_chance\{%s", alert.summary)


@pytest.mark.parametrize("alert", METRIC_ALERTS, ids=lambda alert: alert.name)
def test_alerts_about_metrics_have_figures_and_what_they_are_compared_with(alert):
    """A finding has its baseline and its window, a target has the sample size, and the bound in the description."""
    if any(threshold.name == "false_alarms_a_month" for threshold in alert.thresholds):
        assert {":events{", ":baseline{", ":window{"} <= set(re.findall(r":\w+\{", alert.summary))
        assert alert.for_ == "0s"
    else:
        assert "$value" in alert.summary
        assert ":sample_size{" in alert.summary
        assert ":bound{" in alert.description


def test_alerts_do_not_sum_over_views_or_windows():
    """No sum drops the labels view or window."""
    for alert in ALERTS:
        for labels in re.findall(r"sum (?:without|by) \(([\w, ]*)\)", expressions(alert)):
            assert not {"view", "window"} & set(labels.split(", "))
