"""`cxgauge explain`."""

import re

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.core.metrics import REGISTRY
from stream.exporter import incidents, unusual
from stream.exporter.pipeline_metrics import FAMILIES
from stream.resources import series as resources
from tests.style.sources import ROOT


@pytest.mark.parametrize("metric", REGISTRY.values(), ids=REGISTRY)
def test_every_metric_is_explained(metric) -> None:
    """Version, formula, window, each series with its labels and help, and an example."""
    result = CliRunner().invoke(main, ["explain", metric.name])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{metric.title} ({metric.name}), version {metric.version}\n")
    for text in (metric.example, *(f"      {family.help}\n" for family in metric.families)):
        assert text in result.stdout
    assert "".join(metric.definition.split()) in "".join(result.stdout.split())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("NPS", "NPS (nps)"),
        ("cx_csat_ratio_low", "CSAT (csat)"),
        ("response-rate", "Response rate (response_rate)"),
        ("mttr", "ART / MTTR (resolution)"),
        ("frt", "FRT (first_response)"),
    ],
)
def test_metrics_are_found_by_name_title_and_series(name: str, title: str) -> None:
    """A metric is found by name, title or series, in any case."""
    assert CliRunner().invoke(main, ["explain", name]).stdout.startswith(title)


def test_labels_and_windows_are_explained() -> None:
    """A running total has no window, a flow has one."""
    text = CliRunner().invoke(main, ["explain", "churn"]).stdout
    assert "  cx_churn_ratio{method, window}  (gauge)" in text
    assert "  cx_active_customers  (gauge)" in text
    assert "Window\n  Rolling over event time" in text
    assert (
        "Window\n  None: the value is as of now." in CliRunner().invoke(main, ["explain", "waiting"]).stdout
    )


@pytest.mark.parametrize(
    ("name", "is_split"),
    [("nps", True), ("aht", True), ("churn", False), ("reasons", False), ("inflow", False)],
)
def test_figures_whose_change_is_split_say_so(name: str, is_split: bool) -> None:
    """Shares and means with a sample size."""
    assert ("into mix" in CliRunner().invoke(main, ["explain", name]).stdout) is is_split


def test_without_a_name_all_metrics_are_listed() -> None:
    """Each metric is one line."""
    lines = CliRunner().invoke(main, ["explain"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(REGISTRY)


def test_an_unknown_name_suggests_the_nearest() -> None:
    """The exit code is 1, with the nearest name if one is similar."""
    result = CliRunner().invoke(main, ["explain", "cx_nps_scor"])
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: metric: got 'cx_nps_scor', did you mean 'cx_nps_score'; allowed are nps, "
    )
    assert "got ''; allowed are nps, " in CliRunner().invoke(main, ["explain", ""]).stderr


@pytest.mark.parametrize("name", FAMILIES)
def test_series_of_the_pipeline_are_explained(name: str) -> None:
    """Type and meaning, as in the generated page."""
    kind, text = FAMILIES[name]
    result = CliRunner().invoke(main, ["explain", name])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{name} ({kind}), ")
    assert text in result.stdout


@pytest.mark.parametrize("name", unusual.FAMILIES)
def test_series_about_unusual_figures_are_explained(name: str) -> None:
    """Type and meaning, as in the generated page."""
    result = CliRunner().invoke(main, ["explain", name])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{name} (gauge), ")
    assert unusual.FAMILIES[name] in result.stdout


@pytest.mark.parametrize("name", resources.FAMILIES)
def test_series_about_resources_are_explained(name: str) -> None:
    """Type and meaning, as in the generated page."""
    result = CliRunner().invoke(main, ["explain", name])
    assert (result.exit_code, result.stdout.partition(",")[0]) == (0, f"{name} (gauge)")
    assert resources.FAMILIES[name][0] in result.stdout


@pytest.mark.parametrize("name", incidents.FAMILIES)
def test_series_about_incidents_are_explained(name: str) -> None:
    """Type and meaning, as in the generated page."""
    result = CliRunner().invoke(main, ["explain", name])
    assert (result.exit_code, result.stdout.partition(",")[0]) == (0, f"{name} (gauge)")
    assert incidents.FAMILIES[name][1] in result.stdout


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cxgauge_state_bytes", "cxgauge_state_bytes (gauge), a series of the worker"),
        (
            "cxgauge_state_refused_writes_total",
            "cxgauge_state_refused_writes_total (counter), a series of the worker",
        ),
        ("cxgauge_entities", "cxgauge_entities (gauge), a series of the worker"),
        ("cxgauge_flush_seconds", "cxgauge_flush_seconds (histogram), a series of the worker"),
        ("cxgauge_intake_requests_total", "cxgauge_intake_requests_total (counter), a series of the intake"),
    ],
)
def test_series_of_worker_and_intake_are_explained(name: str, line: str) -> None:
    result = CliRunner().invoke(main, ["explain", name])
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, line)
    assert result.stdout.splitlines()[2].strip()


def test_every_operational_series_is_explained() -> None:
    """As in the generated page."""
    page = (ROOT / "deploy" / "docs" / "series.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `(cxgauge_\w+)`", page, re.MULTILINE)
    assert names
    for name in names:
        assert CliRunner().invoke(main, ["explain", name]).stdout.startswith(f"{name} (")
