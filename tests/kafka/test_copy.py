"""Inputs copied to another broker give the same series, also after an erasure and with records on foreign partitions."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from schemas.customers import CustomerErased
from schemas.topics import DERIVED, TOPICS
from stream.clock import wall_ms
from stream.devbroker.kafka import Broker
from tests.chaos.cluster import ChaosCluster
from tests.chaos.feedback_load import load
from tests.core.aggregation import histories
from tests.core.aggregation.test_batches import answers
from tests.kafka.segments import batches, damage, segment, with_flipped_bit
from tests.support import DAY, HOUR, Event, partition_of_key

pytestmark = pytest.mark.kafka


def history(random: Random, now: int) -> list[Event]:
    """Return events of all topics in random order, and an erasure of somebody with answers only, among them.

    Answers that are read before it are dated before it. A later one would be erased at the first reading, and counted
    at a second one, as a person who comes back.
    """
    events = [
        *answers(random, 60, 5, now),
        *histories.tickets(random, 80, 5, now),
        *(event for event in histories.customers(random, 80, 5, now) if type(event.data) not in DERIVED),
    ]
    random.shuffle(events)
    of_one = [
        event._replace(data=event.data.__class__(**{**_fields(event), "customer_id": "erased"}), id=f"x{n}")
        for n, event in enumerate(answers(random, 20, 5, now))
    ]
    erasure = Event(CustomerErased(customer_id="erased"), now - 2 * DAY, now, "erasure")
    before = [event for event in of_one if event.at < erasure.at][:10]
    return [*before, *events, erasure, *(event for event in of_one if event not in before)]


def _fields(event: Event) -> dict[str, object]:
    data = event.data
    fields = {name: getattr(data, name) for name in data.__struct_fields__}
    return {**fields, "feedback_id": f"x-{data.feedback_id}"}


async def publish(cluster: ChaosCluster, events: Sequence[Event], random: Random) -> None:
    """Publish events in order, most of them to a partition that is not theirs."""
    producer = AIOKafkaProducer(bootstrap_servers=cluster.settings.kafka.bootstrap_servers)
    async with producer:
        for event in events:
            for topic in TOPICS.values():
                if type(event.data) in topic.types:
                    await producer.send_and_wait(
                        cluster.settings.topics.input(topic.domain),
                        event.value(),
                        partition=random.randrange(cluster.settings.topics.partitions),
                        timestamp_ms=event.stamp,
                    )


def pane_figures(cluster: ChaosCluster) -> dict[str, object]:
    """Return the figures of all panes, once a worker has read everything."""
    for domain in ("feedback", "tickets", "customers"):  # the last one reads what the others derive
        assert cluster.wait_until_counted(domain), cluster.logs()
    return {domain: cluster.pane_figures(domain) for domain in ("feedback", "tickets", "customers")}


def test_a_copy_gives_the_same_figures(kafka: str, tmp_path: Path) -> None:
    """At another broker. A second copy is refused, and changes nothing with --append."""
    random, now = Random(7), wall_ms() // HOUR * HOUR
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    with (
        Broker() as other,
        ChaosCluster(kafka, tmp_path / "here") as here,
        ChaosCluster(other.bootstrap, tmp_path / "there") as there,
    ):
        asyncio.run(publish(here, history(random, now), random))
        expected = pane_figures(here)
        assert all(expected.values())
        config = tmp_path / "there.toml"
        config.write_text(there.run("--print-config").stdout)
        copied = here.run("copy", "--to", str(config))
        assert copied.returncode == 0, copied.stderr
        assert "Left out 0 " not in copied.stdout
        assert pane_figures(there) == expected
        refused = here.run("copy", "--to", str(config))
        assert refused.returncode == 4
        assert "already has records" in refused.stderr
        assert here.run("copy", "--to", str(config), "--append").returncode == 0
        assert pane_figures(there) == expected


def test_a_copy_onto_itself_is_refused(kafka: str, tmp_path: Path) -> None:
    """By another name of the broker."""
    with ChaosCluster(kafka, tmp_path) as here:
        refused = here.run("copy", "--append", "--to", kafka.replace("127.0.0.1", "localhost"))
    assert refused.returncode == 4
    assert "the target is the source: both have x-" in refused.stderr


def test_the_topics_of_the_target_must_exist(kafka: str, tmp_path: Path) -> None:
    """The text says where they are missing."""
    with ChaosCluster(kafka, tmp_path) as here:
        config = tmp_path / "there.toml"
        names = here.env | {"CXGAUGE_TOPICS_FEEDBACK": "x-nowhere"}
        there = ChaosCluster(kafka, tmp_path)
        there.env = names
        config.write_text(there.run("--print-config").stdout)
        refused = here.run("copy", "--to", str(config))
    assert refused.returncode == 4
    assert f"target {kafka}: missing topics: x-nowhere; create them" in refused.stderr


def test_the_partitions_must_be_equal(kafka: str, tmp_path: Path) -> None:
    """Records would lose their order."""
    with (
        ChaosCluster(kafka, tmp_path) as here,
        ChaosCluster(kafka, tmp_path, CXGAUGE_TOPICS_PARTITIONS="2") as there,
    ):
        config = tmp_path / "there.toml"
        config.write_text(there.run("--print-config").stdout)
        refused = here.run("copy", "--to", str(config))
    assert refused.returncode == 4
    assert "has 2 partitions at the target" in refused.stderr


def test_an_unreadable_batch_is_left_out_by_order(tmp_path: Path) -> None:
    """Without the order it ends the copy after the records before it."""
    with (
        Broker(folder=tmp_path / "broker") as broker,
        ChaosCluster(broker.bootstrap, tmp_path) as here,
        ChaosCluster(broker.bootstrap, tmp_path) as there,
    ):
        for n in range(3):
            batch = load(5, now=wall_ms(), seed=n)
            here.publish([record._replace(key=b"k") for record in batch], **{"linger.ms": 200})
        partition = partition_of_key("k", here.settings.topics.partitions)
        log = segment(tmp_path / "broker", here.settings.topics.feedback, partition)
        assert [(batch.base, batch.end) for batch in batches(log)] == [(0, 5), (5, 10), (10, 15)]
        values = [record.value for record in here.input_records("feedback")[1]]
        damage(log, 5, with_flipped_bit)
        config = tmp_path / "there.toml"
        config.write_text(there.run("--print-config").stdout)

        refused = here.run("copy", "--to", str(config))
        assert refused.returncode == 4
        assert "the batch at offset 5 cannot be read" in refused.stderr
        assert "To copy without it: --skip-unreadable" in refused.stderr
        assert [record.value for record in there.input_records("feedback")[1]] == values[:5]

        copied = here.run("copy", "--to", str(config), "--append", "--skip-unreadable")
        assert copied.returncode == 0, copied.stderr
        assert "Left out 5 records of batches that cannot be read" in copied.stdout
        assert "Left out: " in copied.stderr
        stored = [record.value for record in there.input_records("feedback")[1]]
        assert stored == values[:5] + values[:5] + values[10:]
