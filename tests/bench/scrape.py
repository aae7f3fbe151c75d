"""Scrapes of 10,000 series: our cached page against prometheus_client's, each while its figures keep changing."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import cycle

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.aiohttp import make_aiohttp_handler

from schemas.feedback import FeedbackSubmitted
from stream.config import Address
from stream.devbroker.ports import free_port
from stream.exporter.coverage import PartitionId
from stream.exporter.http.pages import run_in_slices
from stream.exporter.http.server import serve
from stream.exporter.service import tune_gc
from stream.exporter.state import PaneBatch
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh
from tests.support import NOW, Event

SCRAPES = 100
CLIENT = """
import json, sys, time, urllib.request
took, size = [], 0
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    request = urllib.request.Request(sys.argv[1], headers={"Accept-Encoding": "gzip"})
    size = len(urllib.request.urlopen(request).read())
    took.append(time.perf_counter() - began)
    time.sleep(0.05)  # not to wait for anything: 100 scrapes spread over ten changes of the figures, one every 0.5 s
print(json.dumps([took, size]))
"""


async def measure_scrapes(port: int, update: Callable[[], Awaitable[None]]) -> tuple[list[float], float, int]:
    """Return the seconds of each scrape, the worst stall of the event loop and the size, during updates."""
    worst_stall, finished = 0.0, False

    async def watch_stalls() -> None:
        nonlocal worst_stall
        while not finished:
            started_at = time.perf_counter()
            await asyncio.sleep(0.001)
            worst_stall = max(worst_stall, time.perf_counter() - started_at - 0.001)

    async def update_periodically() -> None:
        while not finished:
            await update()
            await asyncio.sleep(0.5)

    tasks = [asyncio.create_task(watch_stalls()), asyncio.create_task(update_periodically())]
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CLIENT,
        f"http://127.0.0.1:{port}/metrics",
        str(SCRAPES),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await client.communicate()
    finished = True
    await asyncio.gather(*tasks)
    seconds, size = json.loads(out)
    return seconds, worst_stall, size


def answers(first: int, n: int) -> list[Event]:
    """Return NPS answers of 280 touchpoints, in turn."""
    return [
        Event(
            FeedbackSubmitted(feedback_id=f"r{i}", survey="nps", score=i * 7 % 11, touchpoint=f"t{i % 280}"),
            NOW,
            NOW,
        )
        for i in range(first, first + n)
    ]


async def measure_cxgauge() -> tuple[list[float], float, int, int]:
    """Measure our exposition of about 10,000 series, most of which change with every flush."""
    state = exporter(CXGAUGE_METRICS_MAX_VALUES="1000")
    worker = Worker(state)
    apply_records(state, worker(answers(0, 2_800)))
    refresh(state)
    flushes = cycle([worker(answers(2_800 + 280 * n, 280))["feedback"] for n in range(60)])
    tune_gc()
    port = free_port()
    runner = await serve(state.exposition, lambda: ("", ""), Address("127.0.0.1", port))

    async def update() -> None:
        batch = PaneBatch(PartitionId("feedback", 0), next(flushes))
        await run_in_slices(state.apply(batch, monotonic_ms=0, wall_ms=NOW))
        await run_in_slices(state.refresh(0, NOW))

    seconds, worst_stall, size = await measure_scrapes(port, update)
    await runner.cleanup()
    return (
        seconds,
        worst_stall,
        size,
        sum(domain_view.exposition.series for domain_view in state.domain_views.values()),
    )


async def measure_prometheus_client(series: int) -> tuple[list[float], float, int]:
    registry, port = CollectorRegistry(), free_port()
    gauge = Gauge(
        "cx_nps_responses", "Answers", ("view", "touchpoint", "window", "category"), registry=registry
    )
    children = [
        gauge.labels("touchpoint", f"t{i // 20}", f"w{i % 5}", f"c{i % 20 // 5}") for i in range(series)
    ]
    app = web.Application()
    app.router.add_get("/metrics", make_aiohttp_handler(registry))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()

    async def update() -> None:
        for n, child in enumerate(children):
            child.set(n)
            if n % 1_000 == 0:
                await asyncio.sleep(0)

    result = await measure_scrapes(port, update)
    await runner.cleanup()
    return result


def format_result(seconds: list[float], worst_stall: float, size: int) -> str:
    ms = sorted(1000 * t for t in seconds)
    return (
        f"p50 {statistics.median(ms):6.1f} ms   p99 {ms[int(0.99 * (len(ms) - 1))]:6.1f} ms   "
        f"worst stall {1000 * worst_stall:6.1f} ms   {size:,} bytes compressed"
    )


def main() -> None:
    *cxgauge_result, series = asyncio.run(measure_cxgauge())
    client_result = asyncio.run(measure_prometheus_client(series))
    print(f"{SCRAPES} scrapes of {series:,} series that change twice a second")
    print("  cxgauge           ", format_result(*cxgauge_result))
    print("  prometheus_client ", format_result(*client_result))
    ratio = statistics.median(client_result[0]) / statistics.median(cxgauge_result[0])
    print(f"  ratio of the medians {ratio:.0f}, of the stalls {client_result[1] / cxgauge_result[1]:.0f}")


if __name__ == "__main__":
    main()
