"""The demo with and without Prometheus and Alertmanager, without starting or publishing anything."""

import json
from pathlib import Path

import pytest

from stream.demo import incident, run
from stream.demo.business import Business
from stream.demo.guide import all_addresses
from stream.demo.servers import WITHOUT_ALERTMANAGER, DemoServers
from stream.devbroker.tools import Unavailable
from stream.standalone.ports import Ports
from stream.standalone.servers import WITHOUT_PROMETHEUS

ALL_ALERTS = {(alert, channel) for alert in incident.ALERTS for channel in ("", incident.CHANNEL)}


@pytest.fixture
def printed() -> list[str]:
    """The lines of the demo."""
    return []


@pytest.fixture
def business() -> Business:
    """A shop with customers."""
    business = Business()
    business.history(1_800_000_000_000)
    return business


@pytest.fixture
def servers(tmp_path, printed, monkeypatch):
    """Servers of which none is started, with free ports."""
    servers = DemoServers(tmp_path, Ports().with_free_ports(), printed.append)
    monkeypatch.setattr(servers, "add", lambda name, command: servers.children.update({name: command}))
    monkeypatch.setattr(servers, "_wait", lambda _name, _path: None)
    with servers.receiver:
        yield servers


@pytest.fixture
def available(monkeypatch):
    """Make programs available, the others are left out."""

    def only(*names: str) -> None:
        monkeypatch.setattr(
            "stream.standalone.servers.find",
            lambda name: (
                Path("/opt") / name if name in names else Unavailable(f"{name} is left out: so it is")
            ),
        )

    return only


def listed_addresses(servers: DemoServers) -> dict[str, str]:
    """Return the addresses that the demo prints."""
    names, values = all_addresses(servers).columns
    return dict(zip(names.cells, values.cells, strict=True))


@pytest.fixture
def published(monkeypatch):
    """The IDs of the events that the demo published."""
    ids: list[str] = []

    async def publish(bootstrap, timed_events, *, stamped):
        ids.extend(timed_event.id for timed_event in timed_events)

    monkeypatch.setattr(run, "publish", publish)
    return ids


def test_with_both_prometheus_sends_to_alertmanager(servers, available, printed):
    """And Alertmanager to the receiver."""
    available("prometheus", "alertmanager")
    servers._start_monitoring()
    ports, folder = servers.ports, servers.setup.folder
    assert (
        f'targets: ["127.0.0.1:{ports.alertmanager}"]' in (folder / "prometheus/prometheus.yml").read_text()
    )
    assert f"http://127.0.0.1:{ports.receiver}/" in (folder / "alertmanager.yml").read_text()
    assert ports.alertmanager != ports.receiver
    assert list(servers.children) == ["alertmanager", "prometheus"]
    assert printed == []
    assert "Firing alerts" not in listed_addresses(servers)


def test_without_alertmanager_prometheus_sends_to_the_receiver(servers, available, printed):
    """The live page asks the receiver then, and its address is listed."""
    available("prometheus")
    servers._start_monitoring()
    receiver = f"127.0.0.1:{servers.ports.receiver}"
    config = (servers.setup.folder / "prometheus/prometheus.yml").read_text()
    assert f'- targets: ["{receiver}"]' in config.partition("scrape_configs")[0]
    assert servers.environment()["CXGAUGE_EXPORTER_ALERTMANAGER"] == f"http://{receiver}"
    assert printed == [f"alertmanager is left out: so it is\n{WITHOUT_ALERTMANAGER}"]
    assert listed_addresses(servers)["Firing alerts"] == f"http://{receiver}/api/v2/alerts (JSON)"


@pytest.mark.parametrize("names", [(), ("alertmanager",)])
def test_without_prometheus_neither_is_started(servers, available, printed, names):
    """Alertmanager alone would show that nothing fires."""
    available(*names)
    servers._start_monitoring()
    assert servers.children == {}
    assert "CXGAUGE_EXPORTER_ALERTMANAGER" not in servers.environment()
    assert printed == [f"prometheus is left out: so it is\n{WITHOUT_PROMETHEUS}"]
    assert list(servers.setup.folder.iterdir()) == []


def test_without_prometheus_the_check_is_of_figures_only(servers, business, published, printed):
    """It prints so and succeeds."""
    assert run.check_alerts(servers, business) == 0
    assert published == []
    assert printed == ["Checked the metrics only, because alerts need Prometheus"]


def test_without_prometheus_the_incident_is_published_at_once(servers, business, published, printed):
    """With the alerts that it would cause, by name."""
    run.publish_incident(servers, business)
    assert len([event_id for event_id in published if event_id.endswith("-left")]) == incident.LEFT
    assert len([event_id for event_id in published if event_id.endswith("-answered")]) == incident.WAITED
    out = "\n".join(printed)
    assert "With Prometheus, CxAnswersLate and CxLeavingSpike would now be sent" in out
    assert incident.ALERTS_COME not in out


@pytest.mark.parametrize("alertmanager", [True, False])
@pytest.mark.parametrize(
    "missing", [set(), {("CxLeavingSpike", "")}, {("CxLeavingSpike", "app")}, ALL_ALERTS]
)
def test_the_check_fails_unless_all_alerts_arrive(
    servers, business, published, printed, monkeypatch, missing, alertmanager
):
    """Alerts arrive through Alertmanager or directly. Missing ones are named."""
    servers.children["prometheus"] = None
    if alertmanager:
        servers.children["alertmanager"] = None
    monkeypatch.setattr(servers, "wait", lambda condition, _seconds: condition())
    monkeypatch.setattr(servers.receiver, "firing", lambda: ALL_ALERTS - missing)
    assert run.check_alerts(servers, business) == (1 if missing else 0)
    lines = printed[1:]
    sender = "Alertmanager" if alertmanager else "Prometheus directly"
    arrived = [] if missing else [f"Both alerts arrived, in total and for the app, from {sender}"]
    assert lines == [
        *(
            f"{alert} of {channel or 'the total'} did not arrive within 120 s"
            for alert, channel in sorted(missing)
        ),
        *arrived,
    ]


def test_the_check_fails_if_an_alert_is_notified_twice(servers, business, published, printed, monkeypatch):
    """Others, about the checkout, do not count."""
    servers.children |= {"prometheus": None, "alertmanager": None}
    monkeypatch.setattr(servers, "wait", lambda condition, _seconds: condition())
    monkeypatch.setattr(servers.receiver, "firing", lambda: ALL_ALERTS)
    servers.receiver.notifications += [{"CxAnswersLate"}, {"CxCsatDrop"}, {"CxLeavingSpike"}, set()]
    assert run.check_alerts(servers, business) == 0
    servers.receiver.notifications.append({"CxAnswersLate"})
    assert run.check_alerts(servers, business) == 1
    assert printed[-1] == "They arrived in 3 notifications, expected is one for each alert"


def test_the_exporter_watches_the_disk_of_the_data(servers, tmp_path):
    """The folder holds the topics and Prometheus' data."""
    assert json.loads(servers.environment()["CXGAUGE_EXPORTER_FOLDERS"]) == [str(tmp_path)]
