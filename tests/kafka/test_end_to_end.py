"""The whole way: other people's clients publish, the worker counts, the exporter shows."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.feedback import FeedbackSubmitted
from schemas.publish import Publisher
from tests.chaos.feed import Sent, envelope, load
from tests.chaos.rig import ChaosCluster, wait

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: str, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(kafka, tmp_path) as made:
        made.start()
        made.exporter = made.start("exporter")  # type: ignore[attr-defined]
        yield made


def answers(n: int, score: int, channel: str = "web") -> list[Sent]:
    now = int(time.time() * 1000)
    made = []
    for i in range(n):
        data = {"feedback_id": f"{channel}-{score}-{i}", "survey": "nps", "score": score, "channel": channel}
        value = envelope("cx.feedback.submitted.v1", now, i, data)
        made.append(Sent(f"c-{channel}-{i}".encode(), value, now, None))
    return made


def shows(rig: Any, name: str, value: float) -> Callable[[], bool]:
    return lambda: rig.samples(rig.exporter).get(name) == value


def said(rig: Any) -> Callable[[], str]:
    return lambda: f"{rig.samples(rig.exporter)}\n{rig.logs()}"


def test_librdkafka_with_its_own_hash_is_brought_home(rig: ChaosCluster) -> None:
    """CRC32 puts most keys elsewhere: every event counts once, in its proper partition."""
    rig.publish(answers(200, 10), partitioner="consistent")
    rig.publish(answers(100, 0, "app"), partitioner="consistent")
    wait(shows(rig, 'cx_nps_responses{view="total",window="1h",category="promoter"}', 200), said(rig))
    wait(shows(rig, 'cx_nps_responses{view="total",window="1h",category="detractor"}', 100), said(rig))
    samples = rig.samples(rig.exporter)  # type: ignore[attr-defined]
    assert samples['cx_nps_score{view="total",window="30d"}'] == pytest.approx(100 / 3)
    assert samples['cx_nps_score{view="channel",channel="web",window="5m"}'] == 100
    assert samples['cx_nps_score{view="channel",channel="app",window="24h"}'] == -100
    misrouted = samples['cx_events_total{topic="cx.feedback",outcome="misrouted"}']
    assert 0 < misrouted < 300
    assert samples['cx_events_total{topic="cx.feedback",outcome="accepted"}'] == 300
    assert samples["cx_partitions_covered"] == samples["cx_partitions_expected"] == 12


def test_kcat_as_the_readme_says(rig: ChaosCluster, require: Callable[[str], Path]) -> None:
    """A line of JSON and a key."""
    event, settings = answers(1, 9)[0], rig.settings
    command = [require("kcat"), "-P", "-b", settings.kafka.bootstrap_servers, "-k", "c-17"]
    subprocess.run([*command, "-t", settings.topics.feedback], input=event.value + b"\n", check=True)
    wait(shows(rig, 'cx_nps_score{view="total",window="5m"}', 100), said(rig))


async def test_our_publisher_shows_within_two_seconds(rig: Any) -> None:
    """From the client's send to /metrics, once everything runs."""
    wait(lambda: rig.ready(rig.exporter), said(rig))
    names = {"feedback": rig.settings.topics.feedback}
    async with Publisher(rig.settings.kafka.bootstrap_servers, topics=names) as publisher:
        await publisher.send(FeedbackSubmitted(feedback_id="r-1", survey="nps", score=10, customer_id="c"))
    wait(shows(rig, 'cx_nps_score{view="total",window="5m"}', 100), said(rig))


def test_figures_go_when_a_partition_is_no_longer_covered(kafka: str, tmp_path: Path) -> None:
    """Without a worker: they stand still, readiness is gone, after a while the figures go; pipeline series stay."""
    with ChaosCluster(kafka, tmp_path, CXGAUGE_EXPORTER_STALE_AFTER="3s") as rig:
        worker, exporter = rig.start(), rig.start("exporter")
        rig.publish(answers(5, 9))
        name = 'cx_nps_score{view="total",window="1h"}'
        wait(lambda: rig.samples(exporter).get(name) == 100, rig.logs)
        worker.terminate()
        worker.wait()
        wait(lambda: not rig.ready(exporter), rig.logs)
        assert rig.samples(exporter)[name] == 100
        wait(lambda: name not in rig.samples(exporter), rig.logs)
        assert rig.samples(exporter)["cx_partitions_covered"] == 0
        rig.start()
        wait(lambda: rig.samples(exporter).get(name) == 100, rig.logs)


def test_twins_show_the_same(rig: Any) -> None:
    """An exporter started later reads the past and agrees."""
    rig.publish(load(2_000, now=int(time.time() * 1000), seed=11))
    assert rig.settled(), rig.logs()
    twin = rig.start("exporter")
    wait(lambda: rig.ready(twin), rig.logs)

    def figures(exporter: Any) -> dict[str, float]:
        return {k: v for k, v in rig.samples(exporter).items() if "view=" in k}

    wait(lambda: figures(rig.exporter) == figures(twin) != {}, rig.logs)


def test_the_worker_refuses_topics_that_are_not_there(kafka: str, tmp_path: Path) -> None:
    """Exit 4 and a text that names them."""
    rig = ChaosCluster(kafka, tmp_path)
    worker = rig.start()
    assert worker.wait(60) == 4
    assert f"{rig.settings.topics.feedback}: is missing" in rig.logs()


async def _corrupt(rig: ChaosCluster) -> None:
    """Add one promoter to a block, behind everybody's back."""
    partition = next(
        p for (d, _), p in (await rig._partitions()).items() if d == "feedback" and p.panes.blocks
    )
    key = next(iter(partition.panes.blocks))
    wrong = {component: n + 1 for component, n in partition.panes.blocks[key].items()}
    producer = AIOKafkaProducer(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    await producer.start()
    topic = rig.settings.topics.panes("feedback")
    pack = msgspec.msgpack.encode
    await producer.send_and_wait(topic, pack(wrong), key=pack(key), partition=partition.number)
    await producer.stop()


def test_the_audit_finds_what_was_not_contributed(rig: ChaosCluster) -> None:
    """Clean after a load; a pane that was changed behind its back is named."""
    rig.publish(load(1_000, now=int(time.time() * 1000), seed=5))
    assert rig.settled(), rig.logs()

    def audit() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stream.cli", "doctor", "audit"]
        return subprocess.run(
            command, env={**os.environ, **rig.env}, capture_output=True, text=True, check=False
        )

    clean = audit()
    assert (clean.returncode, clean.stdout[-9:]) == (0, "0 faults\n"), clean
    asyncio.run(_corrupt(rig))
    found = audit()
    assert found.returncode == 1
    assert "held" in found.stdout
