"""The exporter as a process: start, stop, and the loss of the broker."""

import asyncio
import gc
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from stream.devbroker.kafka import Broker
from stream.exporter import service
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load
from tests.exporter.in_memory import NPS_SERIES

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]


def test_figures_are_held_while_the_broker_is_down(tmp_path: Path) -> None:
    """Figures are held, SIGTERM still ends a process, and counting continues after the restart."""
    with Broker() as broker, ChaosCluster(broker.bootstrap, tmp_path) as cluster:
        cluster.start()
        exporter, other_exporter = cluster.start("exporter"), cluster.start("exporter")
        cluster.publish(load(300, now=int(time.time() * 1000), seed=3))
        wait(lambda: NPS_SERIES in cluster.samples(exporter) and cluster.ready(other_exporter), cluster.logs)
        before = cluster.samples(exporter)
        broker.stop()
        other_exporter.terminate()
        assert other_exporter.wait(15) == 0, cluster.logs()
        assert cluster.samples(exporter)[NPS_SERIES] == before[NPS_SERIES]
        broker.restart()
        cluster.publish(load(300, now=int(time.time() * 1000), seed=4))
        series = 'cx_events_total{topic="cx.feedback",outcome="accepted"}'
        wait(
            lambda: cluster.samples(exporter)[series] > before[series] and cluster.ready(exporter),
            cluster.logs,
        )


def test_without_a_broker_readiness_names_it(tmp_path: Path, free_port: int) -> None:
    """The series of the pipeline are served from the start."""
    cluster = ChaosCluster(f"127.0.0.1:{free_port}", tmp_path)
    exporter = cluster.start("exporter")
    try:
        wait(lambda: cluster.samples(exporter).get("cx_partitions_covered") == 0, cluster.logs)
        wait(lambda: cluster.get(exporter, "/livez") == "ok\n", cluster.logs)
        assert not cluster.ready(exporter)
        wait(
            lambda: f"broker 127.0.0.1:{free_port} cannot be reached" in cluster.logs(),
            cluster.logs,
        )
        exporter.terminate()
        assert exporter.wait(15) == 0
    finally:
        cluster.__exit__()


def test_topics_with_other_partitions_are_refused(kafka: str, tmp_path: Path) -> None:
    """The exit code is 4 and the message names the topics. Missing topics are waited for."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        assert cluster.start("exporter", CXGAUGE_TOPICS_PARTITIONS="8").wait(60) == 4
        panes = cluster.settings.topics.panes("feedback")
        assert f"{panes}: has 4 partitions, topics.partitions is 8" in cluster.logs()


def test_a_taken_port_and_a_bad_web_config_are_configuration_errors(tmp_path: Path) -> None:
    """The exit code is 2, with one message."""
    cluster = ChaosCluster("127.0.0.1:1", tmp_path)
    (tmp_path / "web.yml").write_text("rate_limit: {}")
    with socket.create_server(("127.0.0.1", 0)) as socket_in_use:
        listen = f"127.0.0.1:{socket_in_use.getsockname()[1]}"
        assert cluster.start("exporter", CXGAUGE_EXPORTER_LISTEN=listen).wait(30) == 2
    assert re.search(f"exporter.listen: got '{listen}': .*in use", cluster.logs())
    assert cluster.start("exporter", CXGAUGE_EXPORTER_WEB_CONFIG=str(tmp_path / "web.yml")).wait(30) == 2
    assert f"exporter.web_config: {tmp_path / 'web.yml'}: rate_limit: is not supported" in cluster.logs()
    assert "Traceback" not in cluster.logs()


async def test_errors_of_the_end_are_not_logged_by_asyncio(caplog: pytest.LogCaptureFixture) -> None:
    """Such as that of a client that cannot be closed."""

    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError

    tasks = [asyncio.create_task(failing())]
    await asyncio.sleep(0)
    await service._end(tasks)
    del tasks
    gc.collect()
    assert caplog.records == []


async def test_a_task_that_loses_a_cancellation_is_cancelled_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exporter would not end otherwise."""
    monkeypatch.setattr(service, "CANCEL_TIMEOUT", 0.01)

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await service._end([task])
    assert task.cancelled()
