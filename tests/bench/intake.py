"""The intake beside the bare producer: events a second, time to the acknowledgement, memory under a flood.

`python -m tests.bench.intake`. Clients keep their connections and wait for each answer. The bare producer sends the same values with
the same settings in this process, and waits likewise.
"""

import asyncio
import json
import os
import re
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector
from aiokafka import AIOKafkaProducer

from stream.devbroker.kafka import Broker
from stream.intake.memory import MAX_HELD_BYTES
from stream.kafka.batches import BATCH_BYTES
from tests.chaos.cluster import ChaosCluster, wait

SECONDS = float(os.environ.get("CX_BENCH_SECONDS", "20"))
CLIENTS = 32
BATCHES = 1, 100
FLOOD_CLIENTS = 300
"""Fewer than the connections that the intake gives one address."""
Send = Callable[[int, int], Awaitable[None]]
"""Sends a batch of a size, with a number that no other batch has, and returns when it is acknowledged."""


def event(number: int, name: str = "", **fields: Any) -> dict[str, Any]:
    """Return an answer of usual size, and with further fields of its data."""
    return {
        "specversion": "1.0",
        "id": f"e-{name}{number}",
        "source": "/bench",
        "type": "cx.feedback.submitted.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "feedback_id": f"r-{name}{number}",
            "survey": "nps",
            "score": number % 11,
            "customer_id": f"c-{number % 5_000}",
            "channel": "web",
            "touchpoint": "checkout",
            **fields,
        },
    }


async def measure(send: Send, size: int) -> dict[str, float]:
    """Let `CLIENTS` clients send batches for `SECONDS`. Return events a second, and p50 and p99 in ms."""
    seconds: list[float] = []
    end = time.monotonic() + SECONDS

    async def client(number: int) -> None:
        while (began := time.monotonic()) < end:
            await send(size, (number * 1_000_000 + len(seconds)) * size)
            seconds.append(time.monotonic() - began)

    started = time.monotonic()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    elapsed = time.monotonic() - started
    ordered = sorted(seconds)
    return {
        "events_s": len(seconds) * size / elapsed,
        "p50_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[int(0.99 * (len(ordered) - 1))],
    }


async def over_http(url: str, size: int) -> dict[str, float]:
    """Measure the intake."""
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    async with ClientSession(connector=TCPConnector(limit=CLIENTS)) as session:

        async def send(size: int, number: int) -> None:
            body = json.dumps([event(number + n) for n in range(size)])
            async with session.post(f"{url}/v1/events", data=body, headers=headers) as response:
                assert response.status == 202, await response.text()

        return await measure(send, size)


async def bare(cluster: ChaosCluster, size: int) -> dict[str, float]:
    """Measure the producer."""
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.settings.kafka.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES,
    )
    await producer.start()

    async def send(size: int, number: int) -> None:
        futures = []
        for n in range(size):
            values = event(number + n, "bare-")
            key = values["data"]["feedback_id"].encode()
            futures.append(
                await producer.send(cluster.settings.topics.feedback, json.dumps(values).encode(), key=key)
            )
        await asyncio.gather(*futures)

    try:
        return await measure(send, size)
    finally:
        await producer.stop()


async def flood(url: str) -> dict[int, int]:
    """Send bodies of almost 1 MiB from many connections at once. Return the number of answers by status."""
    body = json.dumps([event(n, "flood-", comment="x" * 9_000) for n in range(100)])
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    statuses: dict[int, int] = {}
    end = time.monotonic() + SECONDS

    async def client(session: ClientSession) -> None:
        while time.monotonic() < end:
            async with session.post(f"{url}/v1/events", data=body, headers=headers) as response:
                statuses[response.status] = statuses.get(response.status, 0) + 1

    async with ClientSession(connector=TCPConnector(limit=FLOOD_CLIENTS)) as session:
        await asyncio.gather(*(client(session) for _ in range(FLOOD_CLIENTS)))
    return statuses


def resident_mb(pid: int, name: str) -> float:
    """Return a figure of a process's memory, such as VmRSS, in MB."""
    (kilobytes,) = re.findall(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(kilobytes) / 1_000


def main() -> None:
    with (
        Broker() as broker,
        tempfile.TemporaryDirectory() as folder,
        ChaosCluster(broker.bootstrap, Path(folder)) as cluster,
    ):
        intake: Any = cluster.start("intake")
        wait(lambda: cluster.ready(intake), cluster.logs)
        url = f"http://127.0.0.1:{intake.port}"
        for size in BATCHES:
            for name, figures in (
                ("intake", asyncio.run(over_http(url, size))),
                ("bare producer", asyncio.run(bare(cluster, size))),
            ):
                print(
                    f"batches of {size:3}, {CLIENTS} clients, {name:13}: {figures['events_s']:9,.0f} events/s   "
                    f"p50 {figures['p50_ms']:6.1f} ms   p99 {figures['p99_ms']:6.1f} ms",
                    flush=True,
                )
        before = resident_mb(intake.pid, "VmRSS")
        statuses = asyncio.run(flood(url))
        print(
            f"flood of {FLOOD_CLIENTS} clients with 1 MB each, limit {MAX_HELD_BYTES >> 20} MiB: answers {statuses}, "
            f"{before:,.0f} MB before, at most {resident_mb(intake.pid, 'VmHWM'):,.0f} MB"
        )


if __name__ == "__main__":
    main()
