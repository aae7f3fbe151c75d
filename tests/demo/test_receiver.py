import json
import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest
from prometheus_client import start_http_server

from stream.demo.notices import FiringAlerts, decode_delivery
from stream.demo.receiver import Receiver
from stream.devbroker.http import get
from stream.devbroker.process import Child
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.standalone import monitoring
from stream.standalone.ports import Ports
from tests.chaos.cluster import wait

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
API = "/api/v2/alerts"


@pytest.fixture
def printed() -> list[str]:
    """The lines that the receiver printed."""
    return []


@pytest.fixture
def receiver(free_port, printed):
    with Receiver(free_port, printed.append) as receiver:
        yield receiver


def alert(status: str = "firing", **labels: str) -> dict:
    """Return an alert as in Alertmanager's webhook."""
    return {
        "status": status,
        "labels": {"alertname": "CxLeavingSpike", "severity": "critical", **labels},
        "annotations": {"summary": "41 of 5000 churned", "runbook_url": "deploy/runbooks/CxLeavingSpike.md"},
    }


def alert_of_prometheus(ends: datetime, **labels: str) -> dict:
    """Return an alert as Prometheus posts it, with nanoseconds."""
    times = {"startsAt": "2026-05-01T11:59:00.123456789Z", "endsAt": ends.isoformat().replace("+00:00", "Z")}
    fields = {**alert(**labels), **times, "generatorURL": "http://here/graph"}
    return {key: value for key, value in fields.items() if key != "status"}


def post(port: int, path: str, body: object) -> int:
    """Post a body and return the status of the response."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", encoded, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def notified(alerts: FiringAlerts, now: datetime, *alerts_given: dict) -> list[str]:
    """Return the notices of one delivery: status and channel."""
    notices = alerts.deliver(decode_delivery(json.dumps(alerts_given).encode()), now)
    return [f"{notice.status} {notice.labels.get('channel', 'total')}" for notice in notices]


def test_notices_of_the_webhook_are_printed_with_the_runbook(free_port, receiver, printed):
    """Firing alerts have the summary, resolved ones the labels."""
    alerts = [alert(view="total"), alert(view="channel", channel="app")]
    assert post(free_port, "/", {"version": "4", "alerts": alerts}) == 200
    assert receiver.firing() == {("CxLeavingSpike", ""), ("CxLeavingSpike", "app")}
    post(free_port, "/", {"alerts": [alert("resolved", view="channel", channel="app")]})
    assert receiver.firing() == {("CxLeavingSpike", "")}
    assert receiver.notifications == [{"CxLeavingSpike"}, set()]
    assert printed[0] == (
        "FIRING CxLeavingSpike (critical): 41 of 5000 churned\n  what to do: deploy/runbooks/CxLeavingSpike.md"
    )
    assert printed[2] == "RESOLVED CxLeavingSpike (critical) view=channel channel=app"


def test_alerts_of_other_views_are_printed_only(free_port, receiver):
    """The total is not taken for a touchpoint, nor the other way round."""
    post(free_port, "/", {"alerts": [alert(view="touchpoint", touchpoint="checkout")]})
    assert len(receiver.notices) == 1
    assert receiver.firing() == set()


def test_a_repeated_delivery_is_one_notice():
    """Prometheus repeats firing alerts each minute, and resolved ones for a quarter of an hour."""
    alerts = FiringAlerts()
    assert notified(alerts, NOW, alert_of_prometheus(NOW + 4 * MINUTE)) == ["firing total"]
    assert notified(alerts, NOW + MINUTE, alert_of_prometheus(NOW + 5 * MINUTE)) == []
    both_alerts = alert_of_prometheus(NOW + 6 * MINUTE), alert_of_prometheus(NOW + 6 * MINUTE, channel="app")
    assert notified(alerts, NOW + 2 * MINUTE, *both_alerts) == ["firing app"]
    ended_alert = alert_of_prometheus(NOW + 3 * MINUTE)
    assert notified(alerts, NOW + 3 * MINUTE, ended_alert) == ["resolved total"]
    assert notified(alerts, NOW + 4 * MINUTE, ended_alert) == []
    assert notified(alerts, NOW + 5 * MINUTE, alert_of_prometheus(NOW + 9 * MINUTE)) == ["firing total"]


def test_an_alert_that_is_not_repeated_ends():
    """It ends at `endsAt`, without one after five minutes, also between deliveries."""
    alerts = FiringAlerts()
    endless = {"labels": {"alertname": "Bare"}}
    assert notified(alerts, NOW, alert_of_prometheus(NOW + MINUTE, channel="app"), endless) == [
        "firing app",
        "firing total",
    ]
    assert len(alerts.firing_now(NOW)) == 2
    (bare,) = alerts.firing_now(NOW + MINUTE)
    assert bare["endsAt"] == NOW + 5 * MINUTE
    assert notified(alerts, NOW + 5 * MINUTE) == ["resolved app", "resolved total"]
    assert alerts.firing_now(NOW) == []


async def test_the_live_page_gets_the_alerts_that_prometheus_delivered(free_port, receiver):
    """The exporter's client reads them like Alertmanager's, without ended ones."""
    now = datetime.now(UTC)
    delivery = [
        alert_of_prometheus(now + MINUTE, channel="app"),
        alert_of_prometheus(now - MINUTE, channel="web"),
    ]
    assert post(free_port, API, delivery) == 200
    client = AlertmanagerClient(f"http://127.0.0.1:{free_port}")
    await client.poll()
    (shown_alert,) = client.shown["alerts"]
    assert (shown_alert["name"], shown_alert["summary"]) == ("CxLeavingSpike", "41 of 5000 churned")
    assert shown_alert["labels"] == {"channel": "app"}
    assert shown_alert["since"].startswith("2026-05-01T11:59:00.123")
    assert receiver.firing() == {("CxLeavingSpike", "app")}


@pytest.mark.tools
def test_amtool_reads_the_alerts(free_port, receiver, require):
    """Every field that the API requires is there."""
    post(free_port, API, [alert_of_prometheus(datetime.now(UTC) + MINUTE, channel="app")])
    url = f"--alertmanager.url=http://127.0.0.1:{free_port}"
    result = subprocess.run(
        [require("amtool"), url, "--output=json", "alert", "query"],
        capture_output=True,
        text=True,
        check=True,
    )
    (shown_alert,) = json.loads(result.stdout)
    assert shown_alert["labels"]["channel"] == "app"
    assert shown_alert["status"]["state"] == "active"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", b"no JSON"),
        ("/", b"\xff"),
        ("/", []),
        ("/", {"alerts": [{**alert(), "status": "pending"}]}),
        ("/", {"alerts": [{"status": "firing"}]}),
        (API, b"[{"),
        (API, {}),
        (API, [{}]),
        (API, [{"labels": {}}]),
        (API, [{"labels": {"alertname": 1}}]),
        (API, [{"labels": {"alertname": "A"}, "endsAt": "tomorrow"}]),
        (API, [{"labels": {"alertname": "A"}, "endsAt": "2026-05-01T12:00:00"}]),
    ],
)
def test_a_malformed_body_is_refused_and_changes_nothing(free_port, receiver, path, body):
    """The status is 400, and a valid body is accepted afterwards."""
    assert post(free_port, path, body) == 400
    assert receiver.notices == []
    assert get(free_port, API).text == "[]"
    assert post(free_port, "/", {"alerts": [alert()]}) == 200
    assert len(receiver.notices) == 1


@pytest.mark.parametrize("length", [None, "", "-1", "x", "9" * 5000, str((4 << 20) + 1)])
def test_a_body_without_a_valid_length_is_refused(free_port, receiver, length):
    """The body is not read."""
    connection = HTTPConnection("127.0.0.1", free_port, timeout=5)
    connection.putrequest("POST", API)
    if length is not None:
        connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_bare_alerts_and_other_paths(free_port, receiver, printed):
    """An alert without annotations is printed. Other paths are not found."""
    assert post(free_port, "/", {"alerts": [{"status": "firing", "labels": {}}]}) == 200
    assert printed[0].startswith("FIRING ")
    assert post(free_port, "/other", []) == 404
    assert get(free_port, "/").status == 404
    assert json.loads(get(free_port, f"{API}?active=true").text) == []


RULES = """groups:
- name: demo
  interval: 1s
  rules:
  - alert: CxLeavingSpike
    expr: up{job="cxgauge"} == 0
    labels: {severity: critical, view: total}
    annotations: {summary: 41 of 5000 churned, runbook_url: page.md}
"""


@pytest.mark.tools
def test_prometheus_delivers_without_alertmanager(require, tmp_path, printed):
    """Prometheus sends two notices for a rule that fires until there is an exporter."""
    ports = Ports().with_free_ports()
    ports = ports._replace(alertmanager=ports.receiver)
    command = monitoring.prometheus(require("prometheus"), tmp_path, ports)
    rules = tmp_path / "prometheus/rules"
    for path in rules.iterdir():
        path.unlink()
    (rules / "demo.yml").write_text(RULES)
    log = tmp_path / "log"
    with (
        Receiver(ports.receiver, printed.append) as receiver,
        Child("prometheus", command, log=log, cwd=tmp_path),
    ):
        wait(lambda: receiver.firing() == {("CxLeavingSpike", "")}, log.read_text, 60)
        (shown_alert,) = json.loads(get(ports.receiver, API).text)
        assert shown_alert["annotations"]["summary"] == "41 of 5000 churned"
        exporter, thread = start_http_server(ports.exporter, "127.0.0.1")
        wait(lambda: len(printed) > 1, log.read_text, 60)
        exporter.shutdown(), exporter.server_close(), thread.join()
    assert printed == [
        "FIRING CxLeavingSpike (critical): 41 of 5000 churned\n  what to do: page.md",
        "RESOLVED CxLeavingSpike (critical) view=total",
    ]
