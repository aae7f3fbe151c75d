"""The dashboards: their schema, layout and references."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from urllib.parse import parse_qs

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from jsonschema import Draft202012Validator

from stream.config import load
from stream.core.metrics import REGISTRY
from stream.core.metrics.headlines import HEADLINES, LEAD_TITLES, decode
from stream.core.metrics.metric import Panel
from stream.monitoring.alerts.rules import BY_METRIC
from stream.monitoring.dashboards import dashboards
from tests.deploy.project import ROOT, document
from tests.deploy.test_compose import SERVICES, environment, host_path

DASHBOARDS = {dashboard["uid"]: dashboard for dashboard in dashboards()}
SCHEMA = json.loads((ROOT / "tests/deploy/dashboard.schema.json").read_text())
PANELS = [(metric.name, panel) for metric in REGISTRY.values() for panel in metric.panels]
by_uid = pytest.mark.parametrize("uid", DASHBOARDS)
each_panel = pytest.mark.parametrize(("metric", "panel"), PANELS, ids=[panel.title for _, panel in PANELS])


@by_uid
def test_dashboards_match_the_schema(uid: str) -> None:
    """Only properties that Grafana knows."""
    Draft202012Validator.check_schema(SCHEMA)
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(SCHEMA).iter_errors(DASHBOARDS[uid])
    ]
    assert errors == []


OF_DATA_SOURCE = {"titleFormat", "step", "useValueForTime", "tagKeys", "definition"}
"""Properties of annotations and variables that belong to Prometheus' data source, which Grafana's types do not describe."""


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which a decoded and encoded value lacks something of the value before, or differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from lost(value, after[name], f"{path}.{name}")
            elif value is not None and name not in OF_DATA_SOURCE:
                yield f"{path}.{name}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (value, decoded) in enumerate(zip(before, after, strict=True)):
            yield from lost(value, decoded, f"{path}[{number}]")
    elif before != after:
        yield path


def through_grafanas_types(dashboard: dict[str, Any]) -> Any:
    """Return a dashboard after decoding and encoding by the types that Grafana generates from its own."""
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


@by_uid
def test_grafanas_own_types_lose_nothing(uid: str) -> None:
    """Panels, options and queries are decoded by the types of their plugins."""
    dashboard = json.loads(json.dumps(DASHBOARDS[uid]))
    assert list(lost(dashboard, through_grafanas_types(dashboard))) == []


def test_grafanas_own_types_lose_an_unknown_option() -> None:
    dashboard = json.loads(json.dumps(DASHBOARDS["cxgauge-lead"]))
    panel = next(n for n, panel in enumerate(dashboard["panels"]) if panel["type"] == "stat")
    dashboard["panels"][panel]["options"]["colourMode"] = "value"
    assert list(lost(dashboard, through_grafanas_types(dashboard))) == [
        f".panels[{panel}].options.colourMode"
    ]


@by_uid
def test_panels_do_not_overlap(uid: str) -> None:
    """Panels are within 24 columns, do not overlap, and have unique IDs."""
    panels = DASHBOARDS[uid]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    positions = [panel["gridPos"] for panel in panels]
    assert all(position["x"] + position["w"] <= 24 for position in positions)
    assert not [pair for pair in combinations(positions, 2) if _overlap(*pair)]


def _overlap(first: dict[str, int], second: dict[str, int]) -> bool:
    return all(
        first[at] < second[at] + second[size] and second[at] < first[at] + first[size]
        for at, size in (("x", "w"), ("y", "h"))
    )


@by_uid
def test_variables_are_declared_before_they_are_used(uid: str) -> None:
    """In queries of panels, titles, and queries of other variables."""
    dashboard = DASHBOARDS[uid]
    known = {"__rate_interval"}
    for variable in dashboard["templating"]["list"]:
        assert used_variables(variable["query"]) - known == set()
        known.add(variable["name"])
    assert used_variables(dashboard["panels"]) - known == set()


def used_variables(part: Any) -> set[str]:
    return {a or b for a, b in re.findall(r"\$(?:\{(\w+)\}|(\w+))", json.dumps(part))} - {"datasource"}


@by_uid
def test_overrides_refer_to_series_of_their_panel(uid: str) -> None:
    """Overrides name existing series."""
    for panel in DASHBOARDS[uid]["panels"]:
        targets = panel.get("targets", [])
        names = {target["legendFormat"] for target in targets} | {target["refId"] for target in targets}
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            assert override["matcher"]["options"] in names
            for entry in override["properties"]:
                if entry["id"] == "custom.fillBelowTo":
                    assert entry["value"] in names


@each_panel
def test_only_counts_are_summed(metric: str, panel: Panel) -> None:
    """A sum of ratios, scores, means or quantiles would say nothing."""
    for line in (*panel.lines, *panel.samples):
        assert set(line.by) | set(line.where) <= set(line.family.labels)
        if re.search("_(ratio|score|seconds|mean|predicted)", line.family.name):
            assert line.summed == ()


@each_panel
def test_every_score_has_its_sample_size(metric: str, panel: Panel) -> None:
    """Every figure that is no count has its sample size, and bounds where they exist."""
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
    """With its definition and the definition's version as the panel's text. Some are on the lead's dashboard, too."""
    for metric in REGISTRY.values():
        text = f"Definition {metric.name}, version {metric.version}"
        state = {
            uid
            for uid, dashboard in DASHBOARDS.items()
            for panel in dashboard["panels"]
            if text in panel.get("description", "") and metric.definition in panel["description"]
        }
        assert len(state - {"cxgauge-lead"}) == 2
        assert "cxgauge-overview" in state


def test_the_lead_s_figures_open_their_tiles_of_the_live_page() -> None:
    """Eight figures, in their order. The address selects window, view and tile, and begins as that of an exporter by default."""
    (variable,) = (v for v in DASHBOARDS["cxgauge-lead"]["templating"]["list"] if v["name"] == "page")
    default = f"http://{load(None, {}).exporter.listen}"
    assert {variable["query"], *variable["current"].values()} == {default}
    tiles = [panel for panel in DASHBOARDS["cxgauge-lead"]["panels"] if panel["type"] == "stat"]
    assert [tile["title"].removesuffix(" ($window)") for tile in tiles] == list(LEAD_TITLES)
    for tile in tiles:
        (link,) = tile["fieldConfig"]["defaults"]["links"]
        page, _, fragment = link["url"].partition("/#")
        assert page == "${page}"
        ((window,), (view,), (name,)) = parse_qs(fragment).values()
        assert (window, view) == ("${window}", "${view}")
        shown = HEADLINES[decode(name).number]  # type: ignore[union-attr]
        assert shown.headline.title in tile["title"]


def test_texts_refer_to_existing_runbooks() -> None:
    """Of every alert about a metric, and of some about the pipeline."""
    runbooks = set(re.findall(r"deploy/runbooks/\w+\.md", json.dumps(list(DASHBOARDS.values()))))
    assert [path for path in runbooks if not (ROOT / path).exists()] == []
    assert {alert.runbook for rules in BY_METRIC.values() for alert in rules} < runbooks


def test_dashboards_are_provisioned() -> None:
    """Grafana finds the files, and Prometheus under the name of its service."""
    grafana = SERVICES["grafana"]
    (provider,) = document("deploy/grafana/provisioning/dashboards/cxgauge.yml")["providers"]
    folder = host_path(provider["options"]["path"], grafana)
    assert {path.stem for path in folder.glob("*.json")} == {
        uid.removeprefix("cxgauge-") for uid in DASHBOARDS
    }
    (source,) = document("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert source["url"] == "http://prometheus:9090"
    assert "127.0.0.1:9090:9090" in SERVICES["prometheus"]["ports"]
    home_path = environment(grafana)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert host_path(home_path, grafana).name == "overview.json"
    for kind in ("dashboards", "datasources"):
        assert host_path(f"/etc/grafana/provisioning/{kind}", grafana).is_dir()
