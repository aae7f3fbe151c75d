"""Alertmanager with the shipped configuration: the alerts that other alerts inhibit."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.devbroker.http import get
from stream.devbroker.process import Child
from stream.monitoring.alerts.prometheus_files import alerts
from stream.standalone import monitoring
from stream.standalone.ports import Ports
from tests.chaos.cluster import wait

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

ALERTS = {alert.name: alert for rules in alerts().values() for alert in rules}
METRIC_ALERTS = {
    name for name, alert in ALERTS.items() if alert.domain in ("feedback", "tickets", "customers")
}
WARNINGS = {name for name in METRIC_ALERTS if ALERTS[name].severity == "warning"}
TICKET_ALERTS = {name for name in METRIC_ALERTS if ALERTS[name].domain == "tickets"}


@pytest.fixture(scope="module")
def port(require: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running Alertmanager."""
    program = require("alertmanager")
    folder, ports = tmp_path_factory.mktemp("alertmanager"), Ports().with_free_ports()
    with Child("alertmanager", monitoring.alertmanager(program, folder, ports), log=folder / "log") as child:
        child.wait_until(lambda: get(ports.alertmanager, "/-/ready").status == 200)
        yield ports.alertmanager


def inhibited_by(port: int, site: str, firing: str, domain: str = "") -> set[str]:
    """Return the names of inhibited alerts of a site when all alerts about metrics and the given one fire.

    Alertmanager's inhibitor processes alerts in order, but later than the API shows them. So a pair of another site, of
    which one is always inhibited, is posted last and waited for.
    """
    alerts_posted = [_alert(name, site, ALERTS[name].domain) for name in METRIC_ALERTS]
    alerts_posted.append(_alert(firing, site, domain or ALERTS[firing].domain))
    last_site = f"{site}-last"
    alerts_posted += [
        _alert(name, last_site, ALERTS[name].domain) for name in ("CxExporterReplicaDown", "CxExporterDown")
    ]
    post(port, alerts_posted)
    wait(
        lambda: _inhibited(port, last_site) == {"CxExporterReplicaDown"}, lambda: get(port, "/api/v2/alerts")
    )
    assert len(_alerts_of(port, site)) == len(alerts_posted) - 2
    return _inhibited(port, site)


def post(port: int, posted: list[dict[str, dict[str, str]]]) -> None:
    """Post firing alerts, as Prometheus does."""
    urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v2/alerts",
            json.dumps(posted).encode(),
            {"Content-Type": "application/json"},
        ),
        timeout=10,
    ).close()


def _alert(name: str, site: str, domain: str) -> dict[str, dict[str, str]]:
    return {"labels": {"alertname": name, **ALERTS[name].labels, "domain": domain, "cluster": site}}


def _alerts_of(port: int, site: str) -> list[dict]:
    return json.loads(get(port, f"/api/v2/alerts?filter=cluster%3D{site}").text)


def _inhibited(port: int, site: str) -> set[str]:
    return {
        rules["labels"]["alertname"] for rules in _alerts_of(port, site) if rules["status"]["inhibitedBy"]
    }


@pytest.mark.parametrize(
    ("firing", "domain", "inhibited"),
    [
        ("CxExporterDown", "", METRIC_ALERTS),
        ("CxFiguresIncomplete", "", METRIC_ALERTS),
        ("CxFeedStalled", "tickets", TICKET_ALERTS & WARNINGS),
        ("CxDeadLetters", "tickets", TICKET_ALERTS & WARNINGS),
        ("CxWorkerLagging", "", WARNINGS),
        ("CxWindowRepaired", "", WARNINGS),
        ("CxClockDiffers", "", WARNINGS),
        ("CxSeriesFolded", "", set()),
        ("CxOrphanTickets", "", set()),
    ],
)
def test_alerts_about_wrong_figures_inhibit_others(port, firing, domain, inhibited):
    """Alerts about wrong metrics inhibit all of their site, those about doubtful metrics inhibit warnings."""
    assert inhibited_by(port, firing.lower(), firing, domain) == inhibited


def test_late_answers_inhibit_the_waiting_tickets_of_their_label_set(port):
    """Not those of others, and not in views of other labels, which Alertmanager's configuration does not know."""
    app, web = ({"view": "channel", "channel": name} for name in ("app", "web"))
    shops = [{"view": "shop", "shop": name} for name in ("a", "b")]
    site = "late"
    posted = [("CxAnswersLate", app), ("CxAnswersLate", shops[0])]
    posted += [("CxWaitingOverTarget", labels) for labels in (app, web, *shops)]
    post(port, [{"labels": _alert(name, site, "tickets")["labels"] | labels} for name, labels in posted])
    wait(
        lambda: (
            [rules["labels"]["channel"] for rules in _alerts_of(port, site) if rules["status"]["inhibitedBy"]]
            == ["app"]
        ),
        lambda: get(port, "/api/v2/alerts"),
    )
