"""The dashboards as Grafana would read them: their form, their places, what they name."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Panel
from stream.monitoring.alerts.rules import BY_METRIC
from stream.monitoring.dashboards import dashboards
from tests.deploy.project import ROOT, document
from tests.deploy.test_compose import SERVICES, environment, outside

BOARDS = {board["uid"]: board for board in dashboards()}
SCHEMA = json.loads((ROOT / "tests/deploy/dashboard.schema.json").read_text())
PANELS = [(metric.name, panel) for metric in REGISTRY.values() for panel in metric.panels]
by_uid = pytest.mark.parametrize("uid", BOARDS)
each_panel = pytest.mark.parametrize(("metric", "panel"), PANELS, ids=[panel.title for _, panel in PANELS])


@by_uid
def test_the_form(uid: str) -> None:
    """Nothing but what Grafana knows, of the right kind."""
    Draft202012Validator.check_schema(SCHEMA)
    faults = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(SCHEMA).iter_errors(BOARDS[uid])
    ]
    assert faults == []


@by_uid
def test_panels_stand_apart(uid: str) -> None:
    """Within 24 columns, none over another, each under an id of its own."""
    panels = BOARDS[uid]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if _overlap(*pair)]


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "w"), ("y", "h"))
    )


@by_uid
def test_variables_are_declared_before_they_are_used(uid: str) -> None:
    """In queries of panels, titles, and queries of other variables."""
    board = BOARDS[uid]
    known = {"__rate_interval"}
    for variable in board["templating"]["list"]:
        assert _used(variable["query"]) - known == set()
        known.add(variable["name"])
    assert _used(board["panels"]) - known == set()


def _used(part: Any) -> set[str]:
    return {a or b for a, b in re.findall(r"\$(?:\{(\w+)\}|(\w+))", json.dumps(part))} - {"datasource"}


@by_uid
def test_every_band_fills_down_to_a_line_of_its_panel(uid: str) -> None:
    """Overrides name series that are there."""
    for panel in BOARDS[uid]["panels"]:
        targets = panel.get("targets", [])
        names = {target["legendFormat"] for target in targets} | {target["refId"] for target in targets}
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            assert override["matcher"]["options"] in names
            for entry in override["properties"]:
                if entry["id"] == "custom.fillBelowTo":
                    assert entry["value"] in names


@each_panel
def test_only_counts_are_added_up(metric: str, panel: Panel) -> None:
    """A sum of ratios, scores, means or quantiles would say nothing."""
    for line in (*panel.lines, *panel.samples):
        assert set(line.by) | set(line.where) <= set(line.family.labels)
        if re.search("_(ratio|score|seconds|mean|predicted)", line.family.name):
            assert line.summed == ()


@each_panel
def test_sample_sizes_stand_beside_every_score(metric: str, panel: Panel) -> None:
    """Whatever is no count says of how many it is; bounds are shown where there are any."""
    names = {family.name for family in REGISTRY[metric].families}
    for line in panel.lines:
        if re.search("_(ratio|score|seconds|mean|predicted)", line.family.name):
            assert panel.samples
        if f"{line.family.name}_low" in names:
            assert panel.bounds
            assert [bound.name for bound in panel.bounds] == [
                f"{line.family.name}{end}" for end in ("_low", "_high")
            ]


def test_every_metric_is_on_the_overview_and_on_its_dashboard() -> None:
    """With its definition and the definition's version as the panel's text."""
    for metric in REGISTRY.values():
        text = f"Definition {metric.name}, version {metric.version}"
        shown = {
            uid
            for uid, board in BOARDS.items()
            for panel in board["panels"]
            if text in panel.get("description", "") and metric.definition in panel["description"]
        }
        assert len(shown) == 2
        assert "cxgauge-overview" in shown


def test_texts_name_runbooks_that_are_there() -> None:
    """Of every alert about a metric, and of some about the pipeline."""
    named = set(re.findall(r"deploy/runbooks/\w+\.md", json.dumps(list(BOARDS.values()))))
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert {alert.runbook for rules in BY_METRIC.values() for alert in rules} < named


def test_they_are_provisioned() -> None:
    """Grafana finds the files, and Prometheus under the name of its service."""
    grafana = SERVICES["grafana"]
    (provider,) = document("deploy/grafana/provisioning/dashboards/cxgauge.yml")["providers"]
    folder = outside(provider["options"]["path"], grafana)
    assert {path.stem for path in folder.glob("*.json")} == {uid.removeprefix("cxgauge-") for uid in BOARDS}
    (source,) = document("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert source["url"] == "http://prometheus:9090"
    assert "127.0.0.1:9090:9090" in SERVICES["prometheus"]["ports"]
    home = environment(grafana)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert outside(home, grafana).name == "overview.json"
    for kind in ("dashboards", "datasources"):
        assert outside(f"/etc/grafana/provisioning/{kind}", grafana).is_dir()
