"""Every query of every dashboard, on a Prometheus with data of an exporter, an incomplete replica and a worker."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.monitoring.dashboards import dashboards
from stream.monitoring.dashboards.metric_panels import HIGH, LOW
from tests.deploy.served import Prometheus, scraped
from tests.support import HOUR, NOW

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DASHBOARDS = {dashboard["uid"]: dashboard for dashboard in dashboards()}
SELECTIONS = {
    "defaults": {},
    "one channel": {"view": "channel", "channel": "web"},
    "all channels": {"view": "channel"},
    "24h": {"window": "24h"},
}
every_selection = pytest.mark.parametrize("selection", SELECTIONS)
by_uid = pytest.mark.parametrize("uid", DASHBOARDS)


@pytest.fixture(scope="module")
def prometheus(
    require: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """One Prometheus for all tests."""
    with scraped(require("prometheus"), tmp_path_factory.mktemp("prometheus")) as client:
        yield client


def variable_values(dashboard: dict[str, Any], **changes: str) -> dict[str, str]:
    """Return the default values of the dashboard's variables, with changes."""
    values = {"job": "cxgauge", "workers": "cxgauge-worker", "__rate_interval": "1m"}
    for variable in dashboard["templating"]["list"]:
        if variable.get("allValue"):
            values[variable["name"]] = variable["allValue"]
        elif "current" in variable:
            values[variable["name"]] = variable["current"]["value"]
    return values | changes


def with_variables(text: str, values: dict[str, str]) -> str:
    """Return a text with values for its variables, as in Grafana. Raises KeyError for an unknown one."""
    return re.sub(r"\$\{?(\w+)\}?", lambda name: values[name[1]], text)


def expressions(dashboard: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield panel titles and targets."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target


@by_uid
@every_selection
def test_every_query_returns_series(prometheus: Prometheus, uid: str, selection: str) -> None:
    """Except bounds of several scores, confirmed figures of windows under a week, and orphans of a channel."""
    values = variable_values(DASHBOARDS[uid], **SELECTIONS[selection])
    empty = set()
    for title, target in expressions(DASHBOARDS[uid]):
        if " offset $window" in target["expr"]:
            continue  # This Prometheus has not been running for a window.
        if selection == "24h" and "_previous{" in target["expr"]:
            continue  # The window before is empty.
        if not prometheus.series(with_variables(target["expr"], values)):
            empty.add((title, target["legendFormat"] if target["legendFormat"] in (LOW, HIGH) else ""))
    if "channel" in SELECTIONS[selection].values() and uid == "cxgauge-tickets":
        assert ("Open tickets", "") in empty
        empty.remove(("Open tickets", ""))
    with_bounds = {
        "cxgauge-feedback": ("NPS", "CSAT", "CES, easy"),
        "cxgauge-tickets": ("First response within target", "Service level"),
    }
    if selection == "all channels" and uid in with_bounds:
        assert empty == {(f"{score} ($window)", end) for score in with_bounds[uid] for end in (LOW, HIGH)}
    elif selection == "24h" and uid == "cxgauge-customers":
        assert {
            title.removesuffix(" ($window)").removesuffix(", now").removesuffix(", n") for title, _ in empty
        } == {"First contact resolution, confirmed"}
    else:
        assert empty == set()


@by_uid
def test_every_variable_has_values(prometheus: Prometheus, uid: str) -> None:
    """The default is one of the values. Labels have values in their own view only."""
    dashboard = DASHBOARDS[uid]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        values_by_view = {
            view: values_of(prometheus, variable, variable_values(dashboard, view=view))
            for view in ("total", "channel")
        }
        if variable["name"] == "channel":
            assert values_by_view == {"total": [], "channel": ["phone", "web"]}
        elif variable.get("allValue"):
            assert values_by_view == {"total": [], "channel": []}
        else:
            assert variable_values(dashboard)[variable["name"]] in values_by_view["total"]


def values_of(prometheus: Prometheus, variable: dict[str, Any], values: dict[str, str]) -> list[str]:
    """Return the values of `label_values(selector, label)` as in Grafana."""
    selector, label = re.fullmatch(
        r"label_values\((.+), (\w+)\)", with_variables(variable["definition"], values)
    ).groups()  # type: ignore[union-attr]
    label_values: list[str] = prometheus.get(f"label/{label}/values", **{"match[]": selector})
    return sorted(label_values)


@by_uid
def test_firing_alerts_are_marked(prometheus: Prometheus, uid: str) -> None:
    """The query of the annotation returns the firing alerts."""
    alerts, _ = DASHBOARDS[uid]["annotations"]["list"]
    assert [labels["alertname"] for labels, _ in prometheus.series(alerts["expr"])] == ["CxTest"]


@by_uid
def test_notes_are_marked(prometheus: Prometheus, uid: str) -> None:
    """The value of a series is the time of the note in ms, and its labels have text and tags, once for all replicas."""
    _, notes = DASHBOARDS[uid]["annotations"]["list"]
    series = prometheus.series(with_variables(notes["expr"], variable_values(DASHBOARDS[uid])))
    assert {(legend_of(notes["titleFormat"], labels), n) for labels, n in series} == {
        ("Release of phone", NOW - HOUR),
        ("Release of web", NOW - HOUR),
    }
    assert len(series) == 2
    tags = notes["tagKeys"].split(",")
    assert {tuple(labels[tag] for tag in tags if tag in labels) for labels, _ in series} == {
        ("phone",),
        ("web",),
    }


def test_targets_and_benchmarks_are_lines_of_their_panels(prometheus: Prometheus) -> None:
    """Of the figure of each line, with the source in the legend. Panels of several figures name them."""
    references: dict[str, set[str]] = {}
    for uid, dashboard in DASHBOARDS.items():
        for title, target in expressions(dashboard):
            if re.search("cx_(target|benchmark)", target["expr"]):
                series = prometheus.series(with_variables(target["expr"], variable_values(dashboard)))
                legends = {legend(target, labels) for labels, _ in series}
                references.setdefault(f"{uid} {title}", set()).update(legends)
    assert references["cxgauge-feedback NPS ($window)"] == {"target", "Survey, 2025"}
    assert references["cxgauge-feedback Response rate ($window)"] == {
        "target cx_survey_response_ratio/nps",
        "Survey, 2025 cx_survey_response_ratio/nps",
    }
    shown = {text for texts in references.values() for text in texts}
    assert "target cx_waiting_over_target_tickets" in shown
    assert "target cx_waiting_tickets" in shown


def test_the_lead_s_tiles_show_value_change_target_and_sample_size(prometheus: Prometheus) -> None:
    """60 answers, 40 of them promoters and 20 detractors, after 2 detractors in the window before."""
    dashboard = DASHBOARDS["cxgauge-lead"]
    values = variable_values(dashboard)
    (tile,) = (p for p in dashboard["panels"] if p["type"] == "stat" and p["title"] == "NPS ($window)")
    shown = {
        target["legendFormat"].partition(" ")[0]: prometheus.series(with_variables(target["expr"], values))
        for target in tile["targets"]
    }
    assert {name: [value for _, value in series] for name, series in shown.items()} == {
        "NPS": [pytest.approx(100 / 3)],
        "change": [pytest.approx(400 / 3)],
        "target": [0.5],
        "n": [60.0],
    }


def test_an_incomplete_replica_is_ignored(prometheus: Prometheus) -> None:
    """The replica has a score of 100 of 5,000 answers. Only the complete exporter's figures are shown."""
    dashboard = DASHBOARDS["cxgauge-feedback"]
    values = variable_values(dashboard)
    assert sorted(n for _, n in prometheus.series('cx_nps_score{view="total",window="7d"}')) == [
        100 / 3,
        100.0,
    ]
    panels = {panel["title"]: panel for panel in dashboard["panels"]}
    (score, low, high, target, benchmark) = (
        with_variables(target["expr"], values) for target in panels["NPS ($window)"]["targets"]
    )
    (size,) = (with_variables(target["expr"], values) for target in panels["NPS, n"]["targets"])
    ((_, state),) = prometheus.series(score)
    ((_, low_value),) = prometheus.series(low)
    ((_, high_value),) = prometheus.series(high)
    assert state == pytest.approx(100 / 3)
    assert low_value < state < high_value
    assert [n for _, n in prometheus.series(size)] == [60.0]
    assert [n for _, n in prometheus.series(target)] == [0.5]
    assert [n for _, n in prometheus.series(benchmark)] == [0.5]


def test_label_sets_have_separate_legends(prometheus: Prometheus) -> None:
    """With all channels chosen each has its line, under its name."""
    dashboard = DASHBOARDS["cxgauge-feedback"]
    target = next(target for title, target in expressions(dashboard) if title == "NPS ($window)")
    state = prometheus.series(with_variables(target["expr"], variable_values(dashboard, view="channel")))
    assert {legend(target, labels) for labels, _ in state} == {"NPS web", "NPS phone"}


def legend(target: dict[str, Any], labels: dict[str, str]) -> str:
    """Return Grafana's legend of a series."""
    return legend_of(target["legendFormat"], labels)


def legend_of(template: str, labels: dict[str, str]) -> str:
    """Return a text of Grafana with the values of labels. Missing labels are empty."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), template).strip()
