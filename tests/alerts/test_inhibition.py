"""Alertmanager itself with the shipped configuration: which alerts are held back while which others fire."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.cli.demo import monitoring
from stream.cli.demo.http import get
from stream.cli.demo.ports import Ports
from stream.cli.process import Child
from stream.cli.rules import alerts
from tests.chaos.rig import wait

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

ALERTS = {alert.name: alert for each in alerts().values() for alert in each}
FIGURES = {name for name, alert in ALERTS.items() if alert.domain in ("feedback", "tickets", "customers")}
TICKETS_ONLY = {name for name in FIGURES if ALERTS[name].severity == "ticket"}
OF_TICKETS = {name for name in FIGURES if ALERTS[name].domain == "tickets"}


@pytest.fixture(scope="module")
def port(require: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where Alertmanager listens."""
    require("alertmanager")
    folder, ports = tmp_path_factory.mktemp("alertmanager"), Ports().made_free()
    with Child("alertmanager", monitoring.alertmanager(folder, ports), log=folder / "log") as child:
        child.wait_until(lambda: get(ports.alertmanager, "/-/ready").status == 200)
        yield ports.alertmanager


def held_back(port: int, site: str, firing: str, domain: str = "") -> set[str]:
    """What is inhibited when everything about figures fires, and this; at a site of its own."""
    posted = [
        {"labels": {"alertname": name, **ALERTS[name].labels, "domain": ALERTS[name].domain, "cluster": site}}
        for name in (*FIGURES, firing)
    ]
    if domain:
        posted[-1]["labels"]["domain"] = domain
    urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v2/alerts",
            json.dumps(posted).encode(),
            {"Content-Type": "application/json"},
        ),
        timeout=10,
    ).close()
    seen: list[dict] = []

    def judged() -> bool:
        seen[:] = json.loads(get(port, f"/api/v2/alerts?filter=cluster%3D{site}").text)
        states = [each["status"]["state"] for each in seen]
        return len(states) == len(posted) and "unprocessed" not in states

    wait(judged, lambda: seen)
    return {each["labels"]["alertname"] for each in seen if each["status"]["inhibitedBy"]}


@pytest.mark.parametrize(
    ("firing", "domain", "held"),
    [
        ("CxExporterDown", "", FIGURES),
        ("CxFiguresIncomplete", "", FIGURES),
        ("CxFeedStalled", "tickets", OF_TICKETS),
        ("CxDeadLetters", "tickets", OF_TICKETS & TICKETS_ONLY),
        ("CxWorkerLagging", "", TICKETS_ONLY),
        ("CxWindowRepaired", "", TICKETS_ONLY),
        ("CxSeriesFolded", "", set()),
    ],
)
def test_what_makes_figures_wrong_holds_them_back(port, firing, domain, held):
    """Of the same site; what makes them doubtful holds back tickets only."""
    assert held_back(port, firing.lower(), firing, domain) == held
