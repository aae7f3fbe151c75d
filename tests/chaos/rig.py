"""A world of its own on the shared broker: topics, worker processes, and what they have counted."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Producer

from stream.config import Settings, load
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as markers
from stream.core.model.pane_blocks import unpack_block
from stream.devbroker.ports import free_port
from stream.kafka.admin import create
from stream.kafka.topics import topics
from tests.chaos.feed import Sent


class ChaosCluster:
    """Settings with names of their own; workers by number. Used as a context: what runs is stopped by pid."""

    program = "stream.cli"
    """The module that is run."""

    def __init__(self, bootstrap: str, folder: Path, **env: str) -> None:
        self.folder = folder
        name = uuid4().hex[:8]
        self.env = {
            "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "CXGAUGE_WORKER_GROUP": f"g-{name}",
            "CXGAUGE_TOPICS_STATE_PREFIX": f"x-{name}",
            "CXGAUGE_TOPICS_FEEDBACK": f"x-{name}.feedback",
            "CXGAUGE_TOPICS_TICKETS": f"x-{name}.tickets",
            "CXGAUGE_TOPICS_CUSTOMERS": f"x-{name}.customers",
            "CXGAUGE_TOPICS_DEADLETTER": f"x-{name}.deadletter",
            "CXGAUGE_TOPICS_PARTITIONS": "4",
            "CXGAUGE_WORKER_FLUSH_INTERVAL": "200ms",
            **env,
        }
        self.settings: Settings = load(None, self.env)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.exporters: list[subprocess.Popen[bytes]] = []
        self.exits: Counter[int] = Counter()

    def __enter__(self) -> Self:
        asyncio.run(create(self.settings, topics(self.settings)))
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.workers, *self.exporters]:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def start(self, service: str = "worker", **env: str) -> subprocess.Popen[bytes]:
        """A worker more, or an exporter."""
        port = free_port()
        listen = {f"CXGAUGE_{service.upper()}_LISTEN": f"127.0.0.1:{port}"}
        with (self.folder / f"{service}-{port}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", self.program, service],
                env={**os.environ, **self.env, **listen, **env},
                stdout=log,
                stderr=log,
            )
        process.port = port  # type: ignore[attr-defined]
        (self.workers if service == "worker" else self.exporters).append(process)
        return process

    def reap(self) -> None:
        """Note who has ended."""
        for worker in list(self.workers):
            if worker.poll() is not None:
                self.exits[worker.returncode] += 1
                self.workers.remove(worker)

    def ready(self, process: Any) -> bool:
        """Whether its /readyz says so."""
        return self.get(process, "/readyz") is not None

    def get(self, process: Any, path: str) -> str | None:
        """What a service answers, None unless that is 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{process.port}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except HTTPError as refused:
            refused.close()
            return None
        except OSError:
            return None

    def samples(self, exporter: Any) -> dict[str, float]:
        """The exporter's figures: `name{labels}` as it is written, to value."""
        page = self.get(exporter, "/metrics") or ""
        lines = (line.rpartition(" ") for line in page.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, _, value in lines}

    def logs(self) -> str:
        """What the workers said."""
        return "\n".join(f"== {p.name}\n{p.read_text()[-3000:]}" for p in sorted(self.folder.glob("*.log")))

    def publish(
        self,
        sent: Iterable[Sent],
        *,
        rate: float = 0,
        partitioner: str = "murmur2_random",
        topic: str = "feedback",
        **client: str,
    ) -> list[Sent]:
        """Write with librdkafka, at most `rate` a second; what was written. `client`: more of its settings."""
        producer = Producer(
            {
                "bootstrap.servers": self.settings.kafka.bootstrap_servers,
                "partitioner": partitioner,
                "linger.ms": 10,
                "message.max.bytes": 2_000_000,
                "queue.buffering.max.messages": 1_000_000,
                "enable.idempotence": True,
                **client,
            }
        )
        name, began, done = self.settings.topics.input(topic), time.monotonic(), []  # type: ignore[arg-type]
        for one in sent:
            producer.produce(name, one.value, one.key)
            done.append(one)
            while rate and len(done) / (time.monotonic() - began + 1e-9) > rate:
                producer.poll(0.005)
            producer.poll(0)
        producer.flush()
        return done

    def partitions(self) -> dict[tuple[str, int], PartitionTask]:
        """Every partition restored from what is committed."""
        return asyncio.run(self._partitions())

    async def _partitions(self) -> dict[tuple[str, int], PartitionTask]:
        names, count, config = (
            self.settings.topics,
            self.settings.topics.partitions,
            aggregation_config(self.settings),
        )
        found = {
            (d.name, n): PartitionTask(d, n, count, config) for d in DOMAIN_REGISTRY for n in range(count)
        }
        into: dict[TopicPartition, Callable[[bytes, bytes | None], None]] = {}
        for (domain, n), partition in found.items():
            into[TopicPartition(names.state(domain), n)] = partition.restore_state
            into[TopicPartition(names.panes(domain), n)] = partition.restore_panes
        await self._read(list(into), lambda tp, record: into[tp](record.key, record.value))
        for partition in found.values():
            partition.finish_restore()
        return found

    async def _read(
        self, tps: list[TopicPartition], take: Callable[[TopicPartition, Any], None]
    ) -> dict[TopicPartition, int]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            consumer.assign(tps)
            begin, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            for tp in tps:
                consumer.seek(tp, begin[tp])
            left = {tp for tp in tps if begin[tp] < end[tp]}
            while left:
                for tp, records in (await consumer.getmany(*left, timeout_ms=200)).items():
                    for record in records:
                        take(tp, record)
                for tp in list(left):
                    if await consumer.position(tp) >= end[tp]:
                        left.discard(tp)
            return end
        finally:
            await consumer.stop()

    def source(self, domain: str) -> tuple[Counter[int], list[Any]]:
        """The records of an input: how many in each partition, and all of them."""
        counts: Counter[int] = Counter()
        records: list[Any] = []
        name = self.settings.topics.input(domain)  # type: ignore[arg-type]
        tps = [TopicPartition(name, n) for n in range(self.settings.topics.partitions)]

        def take(tp: TopicPartition, record: Any) -> None:
            counts[tp.partition] += 1
            records.append(record)

        asyncio.run(self._read(tps, take))
        return counts, records

    def dead(self) -> list[Any]:
        """The dead letters."""
        found: list[Any] = []
        name, count = self.settings.topics.deadletter, self.settings.topics.partitions
        tps = [TopicPartition(name, n) for n in range(count)]
        asyncio.run(self._read(tps, lambda _, record: found.append(record)))
        return found

    def markers(self, domain: str) -> dict[int, markers.Checkpoint]:
        """The newest marker of each partition."""
        found: dict[int, markers.Checkpoint] = {}
        name = self.settings.topics.panes(domain)  # type: ignore[arg-type]
        tps = [TopicPartition(name, n) for n in range(self.settings.topics.partitions)]

        def take(tp: TopicPartition, record: Any) -> None:
            if record.key == markers.KEY:
                found[tp.partition] = markers.decode(record.value)

        asyncio.run(self._read(tps, take))
        return found

    def settled(self, domain: str = "feedback", deadline: float = 90.0, keep: int = 1) -> bool:
        """Wait until all that was published and forwarded has been counted and committed; `keep` workers run."""
        until = time.monotonic() + deadline
        while time.monotonic() < until:
            self.reap()
            while len(self.workers) < keep:
                self.start()
            counts, _ = self.source(domain)
            at = self.markers(domain)
            read = {n: sum(checkpoint.outcomes.values()) for n, checkpoint in at.items()}
            if len(at) == self.settings.topics.partitions and all(
                read[n] == counts[n] and at[n].lag_ms == 0 for n in at
            ):
                return True
        return False

    def held(self, domain: str, resolution: int = 3) -> Counter[tuple[Any, ...]]:
        """What the panes hold: (tally, view, values, extra, component, bucket) to count."""
        out: Counter[tuple[Any, ...]] = Counter()
        for (name, _), partition in self.partitions().items():
            if name == domain:
                for key, block in partition.panes.blocks.items():
                    if key.resolution == resolution:
                        for bucket, component, n in unpack_block(resolution, key.block, block):
                            out[*key.cell, component, bucket] += n
        return Counter({key: n for key, n in out.items() if n})

    def audit(self) -> list[str]:
        """What is wrong with panes against what entities contribute."""
        return [line for partition in self.partitions().values() for line in pane_differences(partition)]


def wait(condition: Callable[[], Any], what: Callable[[], object], deadline: float = 60.0) -> None:
    """Until the condition holds; `what` is said when it does not in time."""
    until = time.monotonic() + deadline
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < until, what()
        tick.wait(0.1)
