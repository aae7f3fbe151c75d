"""All rules together: valid, known, documented, and equal to what the code says."""

import re
import subprocess
from pathlib import Path

import pytest

from stream.core.metrics import REGISTRY
from stream.deployment import FOLDER
from stream.monitoring.alerts.prometheus_files import alerts, documents, thresholds

pytestmark = pytest.mark.fresh

ALERTS = [alert for each in alerts().values() for alert in each]
RULES = sorted((FOLDER / "prometheus" / "rules").glob("*.yml"))
PIPELINE = {
    "cx_events_total",
    "cx_event_lag_seconds",
    "cx_partitions_expected",
    "cx_partitions_covered",
    "cx_series_folded_total",
    "cx_window_repairs_total",
}
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "False positives")


def expressions(alert):
    """All PromQL of an alert."""
    return "\n".join([alert.expr, *(record.expr for record in alert.records)])


@pytest.mark.tools
def test_promtool_finds_nothing_to_say(require):
    """Of 2.42 and with every lint."""
    command = [require("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_as_the_code_says():
    """So that a mounted folder is what was tested."""
    written = {f"deploy/prometheus/rules/{path.name}": path.read_bytes() for path in RULES}
    assert written == documents()


def test_names_are_given_once():
    """Alerts, and recorded series with the labels that are added to them."""
    names = [alert.name for alert in ALERTS]
    recorded = [(record.name, record.labels) for alert in ALERTS for record in alert.records]
    values = [threshold.name for threshold in thresholds()]
    for given in (names, recorded, values):
        assert len(given) == len(set(given))


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    """With all sections, and no threshold that the alert does not read."""
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
def test_every_series_that_it_reads_is_there(alert):
    """Exposed, recorded by the same alert before, or a threshold that it names."""
    exposed = {family.name for metric in REGISTRY.values() for family in metric.families} | PIPELINE
    recorded = {record.name for record in alert.records}
    assert set(re.findall(r"\bcx_\w+", expressions(alert))) <= exposed
    read = set(re.findall(r"\bcx:[\w:]+", expressions(alert) + alert.summary))
    assert read - recorded == {threshold.series for threshold in alert.thresholds}


@pytest.mark.parametrize(
    "alert", [alert for alert in ALERTS if alert.domain not in ("pipeline", "")], ids=lambda alert: alert.name
)
def test_alerts_about_figures(alert):
    """Tell figure and bounds, look at no volume of less than an hour, stand for a while, want complete figures."""
    assert "$value" in alert.summary
    assert ":sample_size{" in alert.summary
    assert ":bound{" in alert.summary
    assert not re.search(r'window="\d+m"', expressions(alert))
    assert alert.keep_firing_for
    for record in alert.records:
        assert "cx_" not in record.expr or "cx_partitions_covered == cx_partitions_expected" in record.expr
    assert "cx_" not in alert.expr


def test_alerts_about_views_sum_over_none():
    """Never over a view, nor over a window."""
    for alert in ALERTS:
        for labels in re.findall(r"sum (?:without|by) \(([\w, ]*)\)", expressions(alert)):
            assert not {"view", "window"} & set(labels.split(", "))
