"""A cluster of processes with topics of its own on the shared broker, and the state that they wrote."""

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
from stream.core.model import checkpoint as checkpoints
from stream.core.model.pane_blocks import unpack_block
from stream.devbroker.ports import free_port
from stream.kafka.admin import create
from stream.kafka.reading import high_watermarks
from stream.kafka.topics import topics
from tests.chaos.feedback_load import PublishedRecord
from tests.support import finish_restore


class ChaosCluster:
    """Topics and processes of one test. As a context it stops its processes by PID."""

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
        """Start a worker or an exporter."""
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

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the program to its end."""
        command = [sys.executable, "-m", self.program, *arguments]
        return subprocess.run(
            command, env={**os.environ, **self.env}, capture_output=True, text=True, check=False
        )

    def reap(self) -> None:
        """Remove the workers that have ended and count their exit codes."""
        for worker in list(self.workers):
            if worker.poll() is not None:
                self.exits[worker.returncode] += 1
                self.workers.remove(worker)

    def ready(self, process: Any) -> bool:
        """Return True if the service is ready."""
        return self.get(process, "/readyz") is not None

    def get(self, process: Any, path: str) -> str | None:
        """Return the response of a service, None unless it is 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{process.port}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            error.close()
            return None
        except OSError:
            return None

    def samples(self, exporter: Any) -> dict[str, float]:
        """Return the exporter's figures: value by `name{labels}`."""
        exposition = self.get(exporter, "/metrics") or ""
        lines = (line.rpartition(" ") for line in exposition.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, _, value in lines}

    def logs(self) -> str:
        """Return the end of each log."""
        return "\n".join(f"== {p.name}\n{p.read_text()[-3000:]}" for p in sorted(self.folder.glob("*.log")))

    def publish(
        self,
        records: Iterable[PublishedRecord],
        *,
        rate: float = 0,
        partitioner: str = "murmur2_random",
        topic: str = "feedback",
        **producer_settings: str,
    ) -> list[PublishedRecord]:
        """Publish with librdkafka, at most `rate` records per second (0: unlimited), and return the records."""
        producer = Producer(
            {
                "bootstrap.servers": self.settings.kafka.bootstrap_servers,
                "partitioner": partitioner,
                "linger.ms": 10,
                "message.max.bytes": 2_000_000,
                "queue.buffering.max.messages": 1_000_000,
                "enable.idempotence": True,
                **producer_settings,
            }
        )
        name, started_at, published = self.settings.topics.input(topic), time.monotonic(), []  # type: ignore[arg-type]
        for record in records:
            producer.produce(name, record.value, record.key)
            published.append(record)
            while rate and len(published) / (time.monotonic() - started_at + 1e-9) > rate:
                producer.poll(0.005)
            producer.poll(0)
        producer.flush()
        return published

    def partitions(self) -> dict[tuple[str, int], PartitionTask]:
        """Return every partition, restored from the committed state."""
        return asyncio.run(self._partitions())

    async def _partitions(self) -> dict[tuple[str, int], PartitionTask]:
        names, count, config = (
            self.settings.topics,
            self.settings.topics.partitions,
            aggregation_config(self.settings),
        )
        tasks = {
            (d.name, n): PartitionTask(d, n, count, config) for d in DOMAIN_REGISTRY for n in range(count)
        }
        restore_functions: dict[TopicPartition, Callable[[bytes, bytes | None], None]] = {}
        for (domain, n), partition in tasks.items():
            restore_functions[TopicPartition(names.state(domain), n)] = partition.restore_state
            restore_functions[TopicPartition(names.panes(domain), n)] = partition.restore_panes
        await self._read(
            list(restore_functions), lambda tp, record: restore_functions[tp](record.key, record.value)
        )
        for partition in tasks.values():
            finish_restore(partition)
        return tasks

    async def _read(
        self,
        tps: list[TopicPartition],
        apply_record: Callable[[TopicPartition, Any], None],
        *,
        wait_for_open: bool = False,
    ) -> dict[TopicPartition, int]:
        """Read the committed records and return the ends.

        With `wait_for_open` that includes what is written now in open transactions, once they are decided.
        A transaction shows up in one partition before it does in another: a worker's checkpoint can be read
        when the dead letters and forwards of the same commit cannot.
        """
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
            if wait_for_open:
                end = await high_watermarks(self.settings.kafka, tps)
            for tp in tps:
                consumer.seek(tp, begin[tp])
            unfinished = {tp for tp in tps if begin[tp] < end[tp]}
            while unfinished:
                for tp, records in (await consumer.getmany(*unfinished, timeout_ms=200)).items():
                    for record in records:
                        apply_record(tp, record)
                for tp in list(unfinished):
                    if await consumer.position(tp) >= end[tp]:
                        unfinished.discard(tp)
            return end
        finally:
            await consumer.stop()

    def input_records(self, domain: str) -> tuple[Counter[int], list[Any]]:
        """Return the number of records in each partition of an input, and all its records."""
        counts: Counter[int] = Counter()
        records: list[Any] = []
        name = self.settings.topics.input(domain)  # type: ignore[arg-type]
        tps = [TopicPartition(name, n) for n in range(self.settings.topics.partitions)]

        def apply_record(tp: TopicPartition, record: Any) -> None:
            counts[tp.partition] += 1
            records.append(record)

        asyncio.run(self._read(tps, apply_record, wait_for_open=True))
        return counts, records

    def dead_letters(self) -> list[Any]:
        """Return the dead letters."""
        records: list[Any] = []
        name, count = self.settings.topics.deadletter, self.settings.topics.partitions
        tps = [TopicPartition(name, n) for n in range(count)]
        asyncio.run(self._read(tps, lambda _, record: records.append(record), wait_for_open=True))
        return records

    def checkpoints(self, domain: str) -> dict[int, checkpoints.Checkpoint]:
        """Return the newest checkpoint of each partition."""
        by_partition: dict[int, checkpoints.Checkpoint] = {}
        name = self.settings.topics.panes(domain)  # type: ignore[arg-type]
        tps = [TopicPartition(name, n) for n in range(self.settings.topics.partitions)]

        def apply_record(tp: TopicPartition, record: Any) -> None:
            if record.key == checkpoints.KEY:
                by_partition[tp.partition] = checkpoints.decode(record.value)

        asyncio.run(self._read(tps, apply_record))
        return by_partition

    def wait_until_counted(
        self, domain: str = "feedback", timeout: float = 90.0, min_workers: int = 1
    ) -> bool:
        """Wait until everything published and forwarded is counted and committed.

        Keep `min_workers` workers running.
        """
        deadline_at = time.monotonic() + timeout
        while time.monotonic() < deadline_at:
            self.reap()
            while len(self.workers) < min_workers:
                self.start()
            # checkpoints first: what they have forwarded is written by then
            by_partition = self.checkpoints(domain)
            counts, _ = self.input_records(domain)
            read = {n: sum(checkpoint.outcomes.values()) for n, checkpoint in by_partition.items()}
            if len(by_partition) == self.settings.topics.partitions and all(
                read[n] == counts[n] and by_partition[n].lag_ms == 0 for n in by_partition
            ):
                return True
        return False

    def pane_figures(self, domain: str, resolution: int = 3) -> Counter[tuple[Any, ...]]:
        """Return the counts in the panes topic by (aggregate, view, values, own labels, component, bucket)."""
        return asyncio.run(self._pane_figures(domain, resolution))

    async def _pane_figures(self, domain: str, resolution: int) -> Counter[tuple[Any, ...]]:
        name, count = self.settings.topics.panes(domain), self.settings.topics.partitions  # type: ignore[arg-type]
        (registered,) = (d for d in DOMAIN_REGISTRY if d.name == domain)
        config = aggregation_config(self.settings)
        tasks = {TopicPartition(name, n): PartitionTask(registered, n, count, config) for n in range(count)}
        await self._read(list(tasks), lambda tp, record: tasks[tp].restore_panes(record.key, record.value))
        out: Counter[tuple[Any, ...]] = Counter()
        for task in tasks.values():
            task.panes.finish_restore()
            for key, block in task.panes.blocks.items():
                if key.resolution == resolution:
                    for bucket, component, n in unpack_block(resolution, key.block, block):
                        out[*key.cell, component, bucket] += n
        return Counter({key: n for key, n in out.items() if n})

    def audit(self) -> list[str]:
        """Return the differences between the panes and the contributions of the entities."""
        return [line for partition in self.partitions().values() for line in pane_differences(partition)]


def wait(condition: Callable[[], Any], describe: Callable[[], object], timeout: float = 60.0) -> None:
    """Wait until the condition holds. On timeout fail with the text of `describe`."""
    deadline_at = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_at, describe()
        pause.wait(0.1)
