import re
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.process import Child
from stream.standalone import monitoring
from stream.standalone.ports import Ports

pytestmark = pytest.mark.fresh

PORTS = Ports(kafka=1, worker=2, exporter=3, prometheus=4, alertmanager=5, receiver=6, intake=7)


def test_a_port_in_use_is_replaced():
    """Two demos can run at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port_in_use = server.getsockname()[1]
        assert Ports(kafka=port_in_use).with_free_ports().kafka != port_in_use


def test_a_missing_server_has_status_0(free_port):
    """A missing server is no error."""
    assert get(free_port, "/").status == 0


def test_the_shipped_configuration_has_every_default_address():
    """The demo replaces them by its own ports."""
    shipped = (FOLDER / "prometheus" / "prometheus.yml").read_text()
    assert [shipped.count(f'"127.0.0.1:{port}"') for port in (9817, 9818, 9816, 9093)] == [1, 1, 1, 1]
    with_other_ports = monitoring.with_ports(shipped, PORTS)
    assert [with_other_ports.count(f'"127.0.0.1:{port}"') for port in (3, 2, 7, 5)] == [1, 1, 1, 1]
    assert "127.0.0.1:9" not in with_other_ports


def test_every_shipped_receiver_notifies_the_webhook():
    """Alerts of every severity are sent, firing and resolved."""
    shipped = (FOLDER / "alertmanager" / "alertmanager.yml").read_text()
    receivers = yaml.safe_load(monitoring.with_webhook(shipped, "http://here/"))["receivers"]
    events = [{"url": "http://here/", "send_resolved": True}]
    assert [receiver["webhook_configs"] for receiver in receivers] == [events] * 3
    assert [receiver["name"] for receiver in receivers] == [
        receiver["name"] for receiver in yaml.safe_load(shipped)["receivers"]
    ]


def test_edited_receivers_outlive_a_restart(tmp_path):
    """The shipped configuration is written at the first start only, without a webhook."""
    config = tmp_path / "alertmanager.yml"
    monitoring.alertmanager(Path("alertmanager"), tmp_path, PORTS)
    assert config.read_text() == (FOLDER / "alertmanager" / "alertmanager.yml").read_text()
    config.write_text("edited")
    monitoring.alertmanager(Path("alertmanager"), tmp_path, PORTS)
    assert config.read_text() == "edited"


@pytest.mark.tools
def test_promtool_and_amtool_accept_the_shipped_configurations(require):
    """The rules are included."""
    prometheus = FOLDER / "prometheus" / "prometheus.yml"
    alertmanager = FOLDER / "alertmanager" / "alertmanager.yml"
    subprocess.run([require("promtool"), "check", "config", prometheus], check=True, capture_output=True)
    subprocess.run([require("amtool"), "check-config", alertmanager], check=True, capture_output=True)


@pytest.mark.tools
def test_the_receivers_to_uncomment_are_valid(require, tmp_path):
    """Slack, e-mail and PagerDuty, when the `#` before their lines is removed."""
    shipped = (FOLDER / "alertmanager" / "alertmanager.yml").read_text()
    config = tmp_path / "alertmanager.yml"
    config.write_text(re.sub("^#(?=  |global)", "", shipped, flags=re.MULTILINE))
    subprocess.run([require("amtool"), "check-config", config], check=True, capture_output=True)
    receivers = {
        receiver["name"]: receiver.keys() for receiver in yaml.safe_load(config.read_text())["receivers"]
    }
    assert receivers == {
        "critical": {"name", "pagerduty_configs", "slack_configs"},
        "warning": {"name", "email_configs"},
        "info": {"name"},
    }


@pytest.mark.tools
@pytest.mark.parametrize("name", ["alertmanager", "prometheus"])
def test_programs_start_with_the_configuration_of_the_demo(require, tmp_path, name):
    """It responds on the given port, and Prometheus has a page of alerts."""
    ports = Ports().with_free_ports()
    command = getattr(monitoring, name)(require(name), tmp_path, ports)
    with Child(name, command, log=tmp_path / f"{name}.log") as child:
        child.wait_until(lambda: get(getattr(ports, name), "/-/ready").status == 200)
        if name == "prometheus":
            assert get(ports.prometheus, monitoring.alerts_page(ports.prometheus)).status == 200
