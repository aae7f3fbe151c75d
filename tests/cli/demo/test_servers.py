import socket
import subprocess
from contextlib import closing

import pytest
import yaml

from stream.cli.demo import monitoring
from stream.cli.demo.http import get
from stream.cli.demo.ports import Ports
from stream.cli.process import Child

pytestmark = pytest.mark.fresh

PORTS = Ports(kafka=1, worker=2, exporter=3, prometheus=4, alertmanager=5, webhook=6)


def test_a_port_that_is_taken_is_replaced():
    """Also by two demos at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken = server.getsockname()[1]
        assert Ports(kafka=taken).made_free().kafka != taken


def test_nobody_answers_with_status_0(free_port):
    """A server that is not there is no error of ours."""
    assert get(free_port, "/").status == 0


def test_the_shipped_configuration_names_every_usual_address():
    """So that the demo can put its own ports there."""
    shipped = (monitoring.DEPLOY / "prometheus" / "prometheus.yml").read_text()
    assert [shipped.count(f'"127.0.0.1:{port}"') for port in (9817, 9818, 9093)] == [1, 1, 1]
    moved = monitoring.with_ports(shipped, PORTS)
    assert [moved.count(f'"127.0.0.1:{port}"') for port in (3, 2, 5)] == [1, 1, 1]
    assert "127.0.0.1:9" not in moved


def test_every_receiver_of_the_shipped_configuration_tells_the_webhook():
    """Whatever the severity, firing and resolved."""
    shipped = (monitoring.DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
    receivers = yaml.safe_load(monitoring.with_webhook(shipped, "http://here/"))["receivers"]
    told = [{"url": "http://here/", "send_resolved": True}]
    assert [each["webhook_configs"] for each in receivers] == [told] * 3
    assert [each["name"] for each in receivers] == [
        each["name"] for each in yaml.safe_load(shipped)["receivers"]
    ]


@pytest.mark.tools
def test_promtool_and_amtool_accept_the_shipped_configurations(require):
    """With the rules beside it."""
    prometheus = monitoring.DEPLOY / "prometheus" / "prometheus.yml"
    alertmanager = monitoring.DEPLOY / "alertmanager" / "alertmanager.yml"
    subprocess.run([require("promtool"), "check", "config", prometheus], check=True, capture_output=True)
    subprocess.run([require("amtool"), "check-config", alertmanager], check=True, capture_output=True)


@pytest.mark.tools
def test_prometheus_and_alertmanager_start_with_the_demos_configuration(require, tmp_path):
    """Both answer on the ports that were asked for, and a page about alerts is found."""
    require("prometheus"), require("alertmanager")
    ports = Ports().made_free()
    for name in ("alertmanager", "prometheus"):
        command = getattr(monitoring, name)(tmp_path, ports)
        with Child(name, command, log=tmp_path / f"{name}.log") as child:
            child.wait_until(lambda name=name: get(getattr(ports, name), "/-/ready").status == 200)
            if name == "prometheus":
                assert get(ports.prometheus, monitoring.page(ports.prometheus)).status == 200


def test_without_the_programs_there_is_nothing_to_start(monkeypatch, tmp_path):
    """And nothing is written."""
    monkeypatch.setattr(monitoring, "find", lambda _: None)
    assert monitoring.alertmanager(tmp_path, PORTS) is None
    assert monitoring.prometheus(tmp_path, PORTS) is None
    assert list(tmp_path.iterdir()) == []
