"""Alertmanager itself with the shipped configuration: which alerts are held back while which others fire."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.demo import monitoring
from stream.demo.ports import Ports
from stream.devbroker.http import get
from stream.devbroker.process import Child
from stream.monitoring.alerts.prometheus_files import alerts
from tests.chaos.rig import wait

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

ALERTS = {alert.name: alert for each in alerts().values() for alert in each}
FIGURES = {name for name, alert in ALERTS.items() if alert.domain in ("feedback", "tickets", "customers")}
TICKETS_ONLY = {name for name in FIGURES if ALERTS[name].severity == "warning"}
OF_TICKETS = {name for name in FIGURES if ALERTS[name].domain == "tickets"}


@pytest.fixture(scope="module")
def port(require: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where Alertmanager listens."""
    program = require("alertmanager")
    folder, ports = tmp_path_factory.mktemp("alertmanager"), Ports().with_free_ports()
    with Child("alertmanager", monitoring.alertmanager(program, folder, ports), log=folder / "log") as child:
        child.wait_until(lambda: get(ports.alertmanager, "/-/ready").status == 200)
        yield ports.alertmanager


def held_back(port: int, site: str, firing: str, domain: str = "") -> set[str]:
    """Return the names of inhibited alerts when everything about figures fires, and this; at a site of its own.

    Alertmanager's inhibitor takes alerts in their order, but later than the API shows them. So a pair of another site, of
    which one is inhibited for certain, is posted last and waited for.
    """
    posted = [_alert(name, site, ALERTS[name].domain) for name in FIGURES]
    posted.append(_alert(firing, site, domain or ALERTS[firing].domain))
    last = f"{site}-last"
    posted += [
        _alert(name, last, ALERTS[name].domain) for name in ("CxExporterReplicaDown", "CxExporterDown")
    ]
    urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v2/alerts",
            json.dumps(posted).encode(),
            {"Content-Type": "application/json"},
        ),
        timeout=10,
    ).close()
    wait(lambda: _inhibited(port, last) == {"CxExporterReplicaDown"}, lambda: get(port, "/api/v2/alerts"))
    assert len(_alerts_of(port, site)) == len(posted) - 2
    return _inhibited(port, site)


def _alert(name: str, site: str, domain: str) -> dict[str, dict[str, str]]:
    return {"labels": {"alertname": name, **ALERTS[name].labels, "domain": domain, "cluster": site}}


def _alerts_of(port: int, site: str) -> list[dict]:
    return json.loads(get(port, f"/api/v2/alerts?filter=cluster%3D{site}").text)


def _inhibited(port: int, site: str) -> set[str]:
    return {each["labels"]["alertname"] for each in _alerts_of(port, site) if each["status"]["inhibitedBy"]}


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
