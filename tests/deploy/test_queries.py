"""Every query of every dashboard, on a Prometheus with data: of an exporter, its incomplete twin and a worker."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.monitoring.dashboards import dashboards
from stream.monitoring.dashboards.metric_panels import HIGH, LOW
from tests.deploy.served import Prometheus, scraped

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

BOARDS = {board["uid"]: board for board in dashboards()}
CHOICES = {
    "defaults": {},
    "one channel": {"view": "channel", "channel": "web"},
    "all channels": {"view": "channel"},
    "24h": {"window": "24h"},
}
every_choice = pytest.mark.parametrize("choice", CHOICES)
by_uid = pytest.mark.parametrize("uid", BOARDS)


@pytest.fixture(scope="module")
def prometheus(
    require: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """One for all of them."""
    with scraped(require("prometheus"), tmp_path_factory.mktemp("prometheus")) as asked:
        yield asked


def chosen(board: dict[str, Any], **changes: str) -> dict[str, str]:
    """The variables' values as the dashboard has them at first, with changes."""
    values = {"job": "cxgauge", "workers": "cxgauge-worker", "__rate_interval": "1m"}
    for variable in board["templating"]["list"]:
        if variable.get("allValue"):
            values[variable["name"]] = variable["allValue"]
        elif "current" in variable:
            values[variable["name"]] = variable["current"]["value"]
    return values | changes


def filled(text: str, values: dict[str, str]) -> str:
    """A text with the variables' values in it, as Grafana would fill it. Raises KeyError for one that is not there."""
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], text)


def expressions(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Panel titles and targets."""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target


@by_uid
@every_choice
def test_every_query_returns_series(prometheus: Prometheus, uid: str, choice: str) -> None:
    """But bounds of several scores at once, and what is confirmed of windows under a week: they are not there."""
    values = chosen(BOARDS[uid], **CHOICES[choice])
    empty = set()
    for title, target in expressions(BOARDS[uid]):
        if not prometheus.series(filled(target["expr"], values)):
            empty.add((title, target["legendFormat"] if target["legendFormat"] in (LOW, HIGH) else ""))
    bounded = {
        "cxgauge-feedback": ("NPS", "CSAT", "CES, easy"),
        "cxgauge-tickets": ("First response within target",),
    }
    if choice == "all channels" and uid in bounded:
        assert empty == {(f"{score} ($window)", end) for score in bounded[uid] for end in (LOW, HIGH)}
    elif choice == "24h" and uid == "cxgauge-tickets":
        assert {
            title.removesuffix(" ($window)").removesuffix(", now").removesuffix(", n") for title, _ in empty
        } == {"First contact resolution, confirmed"}
    else:
        assert empty == set()


@by_uid
def test_every_variable_finds_its_values(prometheus: Prometheus, uid: str) -> None:
    """What is chosen at first is among them; labels have values in their own view, and in `total` none."""
    board = BOARDS[uid]
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        found = {
            view: values_of(prometheus, variable, chosen(board, view=view)) for view in ("total", "channel")
        }
        if variable["name"] == "channel":
            assert found == {"total": [], "channel": ["phone", "web"]}
        elif variable.get("allValue"):
            assert found == {"total": [], "channel": []}
        else:
            assert chosen(board)[variable["name"]] in found["total"]


def values_of(prometheus: Prometheus, variable: dict[str, Any], values: dict[str, str]) -> list[str]:
    """What Grafana would look up for `label_values(selector, label)`."""
    selector, label = re.fullmatch(
        r"label_values\((.+), (\w+)\)", filled(variable["definition"], values)
    ).groups()  # type: ignore[union-attr]
    found: list[str] = prometheus.get(f"label/{label}/values", **{"match[]": selector})
    return sorted(found)


@by_uid
def test_firing_alerts_are_marked(prometheus: Prometheus, uid: str) -> None:
    """The annotation's query gives what fires."""
    (annotation,) = BOARDS[uid]["annotations"]["list"]
    assert [labels["alertname"] for labels, _ in prometheus.series(annotation["expr"])] == ["CxTest"]


def test_an_incomplete_twin_is_not_believed(prometheus: Prometheus) -> None:
    """It says 100 of 5,000 answers; the complete one's figures are shown, once."""
    board = BOARDS["cxgauge-feedback"]
    values = chosen(board)
    assert sorted(n for _, n in prometheus.series('cx_nps_score{view="total",window="7d"}')) == [
        100 / 3,
        100.0,
    ]
    panels = {panel["title"]: panel for panel in board["panels"]}
    (score, low, high) = (filled(target["expr"], values) for target in panels["NPS ($window)"]["targets"])
    (size,) = (filled(target["expr"], values) for target in panels["NPS, n"]["targets"])
    ((_, shown),) = prometheus.series(score)
    ((_, below),) = prometheus.series(low)
    ((_, above),) = prometheus.series(high)
    assert shown == pytest.approx(100 / 3)
    assert below < shown < above
    assert [n for _, n in prometheus.series(size)] == [60.0]


def test_label_sets_are_told_apart(prometheus: Prometheus) -> None:
    """With all channels chosen each has its line, under its name."""
    board = BOARDS["cxgauge-feedback"]
    target = next(target for title, target in expressions(board) if title == "NPS ($window)")
    shown = prometheus.series(filled(target["expr"], chosen(board, view="channel")))
    assert {legend(target, labels) for labels, _ in shown} == {"NPS web", "NPS phone"}


def legend(target: dict[str, Any], labels: dict[str, str]) -> str:
    """What Grafana calls a series: labels that are not there are empty."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), target["legendFormat"]).strip()
