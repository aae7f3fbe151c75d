"""The exporter as a process: starting, stopping, and a broker that goes away."""

import re
import socket
import time
from pathlib import Path

import pytest

from stream.devbroker.kafka import Broker
from tests.chaos.feed import load
from tests.chaos.rig import ChaosCluster, wait
from tests.exporter.memory import SHOWN

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]


def test_a_broker_that_goes_and_comes(tmp_path: Path) -> None:
    """Figures stand still while it is away, SIGTERM ends a process all the same, and counting goes on afterwards."""
    with Broker() as broker, ChaosCluster(broker.bootstrap, tmp_path) as rig:
        rig.start()
        exporter, other = rig.start("exporter"), rig.start("exporter")
        rig.publish(load(300, now=int(time.time() * 1000), seed=3))
        wait(lambda: SHOWN in rig.samples(exporter) and rig.ready(other), rig.logs)
        before = rig.samples(exporter)
        broker.stop()
        other.terminate()
        assert other.wait(15) == 0, rig.logs()
        assert rig.samples(exporter)[SHOWN] == before[SHOWN]
        broker.restart()
        rig.publish(load(300, now=int(time.time() * 1000), seed=4))
        name = 'cx_events_total{topic="cx.feedback",outcome="accepted"}'
        wait(lambda: rig.samples(exporter)[name] > before[name] and rig.ready(exporter), rig.logs)


def test_without_a_broker_it_says_so(tmp_path: Path, free_port: int) -> None:
    """The pipeline's series are served from the start, readiness names the broker."""
    with_nothing = ChaosCluster(f"127.0.0.1:{free_port}", tmp_path)
    exporter = with_nothing.start("exporter")
    try:
        wait(lambda: with_nothing.samples(exporter).get("cx_partitions_covered") == 0, with_nothing.logs)
        wait(lambda: with_nothing.get(exporter, "/livez") == "ok\n", with_nothing.logs)
        assert not with_nothing.ready(exporter)
        wait(
            lambda: f"broker 127.0.0.1:{free_port} cannot be reached" in with_nothing.logs(),
            with_nothing.logs,
        )
        exporter.terminate()
        assert exporter.wait(15) == 0
    finally:
        with_nothing.__exit__()


def test_missing_topics_are_refused(kafka: str, tmp_path: Path) -> None:
    """Exit 4 and a text that names them."""
    rig = ChaosCluster(kafka, tmp_path)
    assert rig.start("exporter").wait(60) == 4
    assert f"{rig.settings.topics.panes('feedback')}: is missing" in rig.logs()


def test_what_cannot_be_served_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    """A port that is taken, a web configuration: exit 2 and one clear text."""
    rig = ChaosCluster("127.0.0.1:1", tmp_path)
    (tmp_path / "web.yml").write_text("rate_limit: {}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert rig.start("exporter", CXGAUGE_EXPORTER_LISTEN=listen).wait(30) == 2
    assert re.search(f"exporter.listen: got '{listen}': .*in use", rig.logs())
    assert rig.start("exporter", CXGAUGE_EXPORTER_WEB_CONFIG=str(tmp_path / "web.yml")).wait(30) == 2
    assert f"exporter.web_config: {tmp_path / 'web.yml'}: rate_limit: is not supported" in rig.logs()
    assert "Traceback" not in rig.logs()
