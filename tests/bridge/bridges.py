"""Bridges as processes on the shared broker, with a source topic, and the records that they wrote."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka.admin import NewTopic
from confluent_kafka import Producer

from stream.kafka.admin import admin
from tests.chaos.cluster import ChaosCluster

MAPPING = """
source = "/survey"

[[event]]
type = "cx.feedback.submitted.v1"
id = "{n}"
time = { path = "_timestamp", format = "epoch_ms" }
when = { kind = "answer" }

[event.data]
feedback_id = "r-{n}"
survey = "nps"
score = { path = "score", type = "int" }
"""
MAX_SCORE = 10


def answer(n: int, score: int = 9) -> bytes:
    """Return a record that the mapping takes. A score above `MAX_SCORE` cannot be mapped."""
    return json.dumps({"kind": "answer", "n": n, "score": score}).encode()


class BridgeCluster(ChaosCluster):
    """A cluster with a source topic `orders`."""

    def __init__(self, bootstrap: str, folder: Path, *, partitions: int = 3, **env: str) -> None:
        super().__init__(bootstrap, folder, **env)
        self.source = f"{self.settings.topics.state_prefix}.answers"
        self.partitions_of_source = partitions
        self.bridges: list[subprocess.Popen[bytes]] = []
        self.mapping = folder / "mapping.toml"
        self.mapping.write_text(MAPPING)

    def __exit__(self, *exception: object) -> None:
        for process in self.bridges:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        super().__exit__(*exception)

    def create_source(self) -> None:
        """Create the source topic."""
        asyncio.run(self._create_source())

    async def _create_source(self) -> None:
        async with admin(self.settings) as client:
            await client.create_topics([NewTopic(self.source, self.partitions_of_source, 1)])

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a bridge."""
        return [self.program, "bridge", self.source, "--mapping", str(self.mapping), *arguments]

    def bridge(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a bridge."""
        with (self.folder / f"bridge-{len(self.bridges)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *self.command(*arguments)],
                env={**os.environ, **self.env},
                stdout=log,
                stderr=log,
            )
        self.bridges.append(process)
        return process

    def log_of(self, bridge: subprocess.Popen[bytes]) -> str:
        """Return the log of a bridge."""
        return (self.folder / f"bridge-{self.bridges.index(bridge)}.log").read_text()

    def is_assigned(self, bridge: subprocess.Popen[bytes]) -> bool:
        """Return whether a bridge runs and was assigned partitions."""
        return bridge.poll() is None and "Assigned partitions" in self.log_of(bridge)

    def bridge_once(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a bridge up to the present end of the topic."""
        return self.run(*self.command("--once", *arguments)[1:])

    def send(
        self,
        values: Iterable[bytes | None],
        *,
        rate: float = 0,
        key: bytes | None = None,
        timestamp: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Send records to the source topic, at most `rate` per second (0: unlimited)."""
        producer = Producer(
            {"bootstrap.servers": self.settings.kafka.bootstrap_servers, "enable.idempotence": True}
        )
        started_at = time.monotonic()
        for sent, value in enumerate(values):
            producer.produce(self.source, value, key, timestamp=timestamp, headers=headers or [])
            while rate and sent / (time.monotonic() - started_at + 1e-9) > rate:
                producer.poll(0.005)
            producer.poll(0)
        producer.flush()

    def ids(self) -> Counter[int]:
        """Return how often each event is in the input, committed."""
        return Counter(int(json.loads(record.value)["id"]) for record in self.input_records("feedback")[1])

    def dead(self) -> Counter[tuple[int, int]]:
        """Return how often each source record is in the dead letters, by partition and offset."""
        positions: Counter[tuple[int, int]] = Counter()
        for record in self.dead_letters():
            headers: dict[str, Any] = dict(record.headers)
            assert headers["cx_topic"].decode() == self.source
            positions[int(headers["cx_partition"]), int(headers["cx_offset"])] += 1
        return positions
