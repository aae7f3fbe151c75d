import socket
import subprocess
from contextlib import closing

import pytest
import yaml

from stream.demo import monitoring
from stream.demo.ports import Ports
from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.process import Child

pytestmark = pytest.mark.fresh

PORTS = Ports(kafka=1, worker=2, exporter=3, prometheus=4, alertmanager=5, receiver=6)


def test_a_port_that_is_taken_is_replaced():
    """Also by two demos at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken = server.getsockname()[1]
        assert Ports(kafka=taken).with_free_ports().kafka != taken


def test_nobody_answers_with_status_0(free_port):
    """A server that is not there is no error of ours."""
    assert get(free_port, "/").status == 0


def test_the_shipped_configuration_names_every_usual_address():
    """So that the demo can put its own ports there."""
    shipped = (FOLDER / "prometheus" / "prometheus.yml").read_text()
    assert [shipped.count(f'"127.0.0.1:{port}"') for port in (9817, 9818, 9093)] == [1, 1, 1]
    moved = monitoring.with_ports(shipped, PORTS)
    assert [moved.count(f'"127.0.0.1:{port}"') for port in (3, 2, 5)] == [1, 1, 1]
    assert "127.0.0.1:9" not in moved


def test_every_receiver_of_the_shipped_configuration_tells_the_webhook():
    """Whatever the severity, firing and resolved."""
    shipped = (FOLDER / "alertmanager" / "alertmanager.yml").read_text()
    receivers = yaml.safe_load(monitoring.with_webhook(shipped, "http://here/"))["receivers"]
    told = [{"url": "http://here/", "send_resolved": True}]
    assert [each["webhook_configs"] for each in receivers] == [told] * 3
    assert [each["name"] for each in receivers] == [
        each["name"] for each in yaml.safe_load(shipped)["receivers"]
    ]


@pytest.mark.tools
def test_promtool_and_amtool_accept_the_shipped_configurations(require):
    """With the rules beside it."""
    prometheus = FOLDER / "prometheus" / "prometheus.yml"
    alertmanager = FOLDER / "alertmanager" / "alertmanager.yml"
    subprocess.run([require("promtool"), "check", "config", prometheus], check=True, capture_output=True)
    subprocess.run([require("amtool"), "check-config", alertmanager], check=True, capture_output=True)


@pytest.mark.tools
@pytest.mark.parametrize("name", ["alertmanager", "prometheus"])
def test_it_starts_with_the_demos_configuration(require, tmp_path, name):
    """It answers on the port that was asked for, and Prometheus has a page about alerts."""
    ports = Ports().with_free_ports()
    command = getattr(monitoring, name)(require(name), tmp_path, ports)
    with Child(name, command, log=tmp_path / f"{name}.log") as child:
        child.wait_until(lambda: get(getattr(ports, name), "/-/ready").status == 200)
        if name == "prometheus":
            assert get(ports.prometheus, monitoring.alerts_page(ports.prometheus)).status == 200
