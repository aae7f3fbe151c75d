"""Workers with `worker.state_dir` through Kafka: databases equal the topics, whatever happens to processes and folders."""

import asyncio
import json
import os
import shutil
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.topics import DOMAINS
from stream import config
from stream.core.aggregation.stored_entities import StoredEntities
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as checkpoint_format
from stream.kafka.admin import admin, create
from stream.kafka.reading import high_watermarks
from stream.kafka.topics import topics
from stream.worker.disk import stored_checkpoint
from stream.worker.disk.database import Database, DatabaseOptions
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load
from tests.support import DAY, with_fields

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

KILLS = int(os.environ.get("CX_TEST_DISK_KILLS", "2"))
ANSWERS = 6_000


def folders(cluster: ChaosCluster) -> list[Path]:
    """Return the folders of partitions below the state folder."""
    pattern = f"{cluster.settings.worker.group}/{cluster.settings.topics.state_prefix}/*/*-*/CURRENT"
    return [path.parent for path in (cluster.folder / "state").glob(f"*/{pattern}")]


def stored(path: Path, like: PartitionTask) -> tuple[dict[bytes, bytes], int]:
    """Return the entities of a database, and the next offset of its checkpoint."""
    database = Database(path, DatabaseOptions())
    try:
        entities = StoredEntities(database, like.kinds, like.config, is_empty=False)
        position = stored_checkpoint.decode(database.get(stored_checkpoint.KEY))
        assert position is not None
        items = dict(entities.items())
        assert len(entities) == len(items)
        for key, raw in items.items():
            person = like.kinds.of(key).person(key, raw)
            assert person is None or key in entities.persons.of_person(person)
        return items, checkpoint_format.decode(position.marker).next_offset
    finally:
        database.close()


def check(cluster: ChaosCluster) -> int:
    """Compare the panes with the entities, and those with the newest database of each partition. Return their number."""
    partitions = cluster.partitions()
    assert cluster.audit() == []
    newest: dict[tuple[str, int], tuple[dict[bytes, bytes], int]] = {}
    for path in folders(cluster):
        domain, _, number = path.name.rpartition("-")
        items, offset = stored(path, partitions[domain, int(number)])
        if offset >= newest.get((domain, int(number)), ({}, -1))[1]:
            newest[domain, int(number)] = items, offset
    assert newest.keys() == partitions.keys()
    for name, partition in partitions.items():
        items, offset = newest[name]
        assert offset == partition.next_offset, name
        assert items == partition.store.entities, name
    return sum(len(items) for items, _ in newest.values())


def stop(cluster: ChaosCluster) -> None:
    """Stop all workers in order."""
    for worker in cluster.workers:
        worker.send_signal(signal.SIGTERM)
    for worker in cluster.workers:
        assert worker.wait(30) == 0, cluster.logs()
    cluster.workers.clear()


def publish(cluster: ChaosCluster, seed: int, n: int = ANSWERS, **options: Any) -> None:
    cluster.publish(load(n, now=int(time.time() * 1000), seed=seed, name=f"{seed}-", **options))


def count_to_the_end(cluster: ChaosCluster) -> None:
    assert cluster.wait_until_counted(), cluster.logs()


def restart_and_check(cluster: ChaosCluster, seed: int) -> None:
    """Start a worker, count further answers, stop it and compare."""
    cluster.start()
    publish(cluster, seed, 500)
    count_to_the_end(cluster)
    stop(cluster)
    check(cluster)


def read_from_topic(cluster: ChaosCluster) -> int:
    """Return how many databases were made from the topic so far, by the log of all workers."""
    return sum(
        path.read_text().count("the entities are read from the topic")
        for path in cluster.folder.glob("*.log")
    )


def in_folder(tmp_path: Path, **env: str) -> dict[str, str]:
    """Return settings of workers with a state folder, of topics with two partitions."""
    return {"CXGAUGE_WORKER_STATE_DIR": str(tmp_path / "state"), "CXGAUGE_TOPICS_PARTITIONS": "2", **env}


def test_kills_lost_disks_old_folders_and_new_topics(kafka: str, tmp_path: Path) -> None:
    """The difference is 0, and databases equal topics. Only what does not fit is read from the topic."""
    random = Random(5)
    with ChaosCluster(kafka, tmp_path, **in_folder(tmp_path, CXGAUGE_WORKER_INSTANCE="one")) as cluster:
        count = len(cluster.partitions())
        for kill in range(KILLS):
            worker = cluster.start()
            wait(lambda w=worker: cluster.ready(w), cluster.logs)
            publish(cluster, kill, junk=0.02)
            # the second condition differs by kill: in the middle of the load at another place each time
            target = random.randrange(ANSWERS // 4)
            wait(lambda t=target, w=worker: flushed(cluster, w) > t, cluster.logs)
            worker.kill()
            worker.wait()
            cluster.workers.remove(worker)
        cluster.start()
        count_to_the_end(cluster)
        stop(cluster)
        assert check(cluster) > ANSWERS * KILLS / 2
        assert read_from_topic(cluster) == count

        shutil.copytree(tmp_path / "state", tmp_path / "old")
        shutil.rmtree(tmp_path / "state")
        restart_and_check(cluster, 100)
        assert read_from_topic(cluster) == 2 * count

        shutil.rmtree(tmp_path / "state")
        shutil.copytree(tmp_path / "old", tmp_path / "state")
        for path in folders(cluster):
            age(path, 4 * DAY)
        restart_and_check(cluster, 101)
        assert read_from_topic(cluster) == 3 * count

        asyncio.run(make_topics_anew(cluster))
        restart_and_check(cluster, 102)
        assert read_from_topic(cluster) == 4 * count


def flushed(cluster: ChaosCluster, worker: Any) -> float:
    """Return how many records of state a worker has written."""
    return cluster.samples(worker).get('cxgauge_records_written_total{kind="state"}', 0.0)


def age(path: Path, by: int) -> None:
    """Make a database look `by` ms older, with an entity that was deleted since then."""
    database = Database(path, DatabaseOptions())
    position = stored_checkpoint.decode(database.get(stored_checkpoint.KEY))
    assert position is not None
    marker = checkpoint_format.decode(position.marker)
    marker.written_at -= by
    position.marker = checkpoint_format.encode(marker)
    database.write([(stored_checkpoint.KEY, stored_checkpoint.encode(position)), (b"adeleted", b"")])
    database.close()


async def make_topics_anew(cluster: ChaosCluster) -> None:
    """Delete all topics of a cluster and create them again."""
    wanted = topics(cluster.settings)
    async with admin(cluster.settings) as client:
        await client.delete_topics([spec.name for spec in wanted])
    for _ in range(100):
        if await create(cluster.settings, wanted) == [spec.name for spec in wanted]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the topics were not created")


def test_workers_and_installations_share_a_state_dir(kafka: str, tmp_path: Path) -> None:
    """Two workers without an instance and another installation. A partition that moves away and comes home is exact."""
    env = in_folder(tmp_path)
    with ChaosCluster(kafka, tmp_path, **env) as cluster, ChaosCluster(kafka, tmp_path, **env) as other:
        other.start()
        first = cluster.start()
        publish(cluster, 1, 2_000)
        publish(other, 2, 1_000)
        count_to_the_end(cluster)
        second = cluster.start()
        wait(lambda: flushed(cluster, second) > 0 or len(folders(cluster)) > 6, cluster.logs)
        publish(cluster, 3, 2_000)
        count_to_the_end(cluster)
        second.kill()
        second.wait()
        cluster.workers.remove(second)
        publish(cluster, 4, 2_000)
        count_to_the_end(cluster)
        assert first.poll() is None
        served = cluster.samples(first)
        assert served[f'cxgauge_disk_size_bytes{{folder="{tmp_path / "state"}"}}'] > 0
        assert any(name.startswith("cxgauge_state_bytes{") for name in served)
        count_to_the_end(other)
        stop(cluster)
        stop(other)
        check(cluster)
        check(other)
        names = {path.parent.name for path in folders(cluster)}
        assert names == {"worker-0", "worker-1"}
        assert {path.parent.name for path in folders(other)} == {"worker-0"}


def test_a_worker_that_dies_in_a_rebuild_leaves_nothing_of_it(kafka: str, tmp_path: Path) -> None:
    """It has written slices of it. With the former settings all is as before, with the next ones it is rebuilt."""
    with ChaosCluster(kafka, tmp_path, **in_folder(tmp_path, CXGAUGE_WORKER_INSTANCE="one")) as cluster:
        configure(cluster, "brand", "region")
        cluster.start()
        answers = load(2_000, now=int(time.time() * 1000), seed=1, name="1-")
        labels = {"brand": "acme", "region": "eu"}
        cluster.publish(answer._replace(value=with_fields(answer.value, labels=labels)) for answer in answers)
        count_to_the_end(cluster)
        stop(cluster)
        before = committed(cluster)
        cluster.program = "tests.worker.disk.killed_worker"
        for _ in range(2):
            configure(cluster, "region", "brand")
            ends = written(cluster)
            worker = cluster.start()
            assert worker.wait(60) == -signal.SIGKILL, cluster.logs()
            cluster.workers.remove(worker)
            assert any(end > ends[tp] for tp, end in written(cluster).items())
            assert committed(cluster) == before

            configure(cluster, "brand", "region")
            worker = cluster.start()
            wait(lambda w=worker: cluster.ready(w), cluster.logs)
            stop(cluster)
            assert committed(cluster) == before
            check(cluster)
        cluster.program = "stream.cli"
        configure(cluster, "region", "brand")
        restart_and_check(cluster, 2)
        after = committed(cluster)
        assert {key for key in before if before[key] != after[key]}
        counted = cluster.checkpoints("feedback").values()
        assert {checkpoint.config_hash for checkpoint in counted} == {config.config_hash(cluster.settings)}


def configure(cluster: ChaosCluster, *labels: str) -> None:
    """Give the next workers of a cluster these labels."""
    cluster.env["CXGAUGE_METRICS_LABELS"] = json.dumps(labels)
    cluster.settings = config.load(None, cluster.env)


def compacted(cluster: ChaosCluster) -> list[TopicPartition]:
    """Return the partitions of the topics of state and panes."""
    topics, numbers = cluster.settings.topics, range(cluster.settings.topics.partitions)
    names = [name(domain) for domain in DOMAINS for name in (topics.state, topics.panes)]
    return [TopicPartition(name, n) for name in names for n in numbers]


def written(cluster: ChaosCluster) -> dict[TopicPartition, int]:
    """Return the ends of the compacted topics, what is not committed included."""
    return asyncio.run(high_watermarks(cluster.settings.kafka, compacted(cluster)))


def committed(cluster: ChaosCluster) -> dict[tuple[TopicPartition, bytes], bytes]:
    """Return the newest records of the compacted topics but checkpoints, by partition and key."""
    newest: dict[tuple[TopicPartition, bytes], bytes] = {}

    def apply_record(tp: TopicPartition, record: Any) -> None:
        if record.value is None:
            newest.pop((tp, record.key), None)
        elif record.key != checkpoint_format.KEY:
            newest[tp, record.key] = record.value

    asyncio.run(cluster._read(compacted(cluster), apply_record))
    return newest
