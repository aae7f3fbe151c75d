"""`make bench-base`: a million customers that are there already, sent once; whether the figures are right, and what it costs."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from stream.config.aggregation import aggregation_config
from stream.core.model.time_buckets import Window
from stream.devbroker.kafka import Broker
from tests.chaos.cluster import ChaosCluster, wait

N = int(os.environ.get("CX_BENCH_CUSTOMERS", "1000000"))
MAPPING = Path(__file__).parents[2] / "deploy" / "examples" / "customer_base.toml"
CHANNELS, PLANS = ("web", "app", "shop", "phone"), ("free", "basic", "gold")


def write(file: Path, now: datetime) -> list[int]:
    """The base as a CSV, from a seed; since when each is one, in ms: some for years, one in fourteen for less than a month."""
    random, since = Random(7), []
    with file.open("w") as lines:
        print("customer_id,since,plan,channel", file=lines)
        for number in range(N):
            began = now - timedelta(seconds=60 + int(random.expovariate(1 / (400 * 86_400))))
            since.append(int(began.timestamp() * 1000))
            row = f"c-{number:07d},{began:%Y-%m-%dT%H:%M:%SZ}", random.choice(PLANS), random.choice(CHANNELS)
            print(*row, sep=",", file=lines)
    return since


def megabytes(pid: int, field: str = "VmRSS") -> float:
    """Memory of a process: what it has now, or `VmHWM`, the most it had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def took(done: Callable[[], object], cluster: ChaosCluster) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    wait(done, cluster.logs, deadline=1800)
    return time.monotonic() - began


def wrong(samples: dict[str, float], windows: tuple[Window, ...], since: list[int], now: int) -> list[str]:
    """Windows whose opening customers are not those of the file; the hour, quarter or minute may change meanwhile."""
    found = []
    for window in windows:
        step, shown = (
            window.resolution.step,
            samples.get(f'cx_opening_customers{{view="total",window="{window.label}"}}'),
        )
        starts = [window.first(at) * step for at in (now, now - step)]
        if shown not in [sum(at < start for at in since) for start in starts]:
            found.append(f"{window.label}: {shown}")
    return found


def replay(cluster: ChaosCluster, file: Path) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and most megabytes of sending it."""
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "stream.cli",
        "replay",
        file,
        "--mapping",
        MAPPING,
        "--timestamps",
        "now",
    ]
    child = subprocess.Popen(command, env={**os.environ, **cluster.env}, stdout=subprocess.DEVNULL)
    most, tick = 0.0, threading.Event()
    while child.poll() is None:
        try:
            most = max(most, megabytes(child.pid, "VmHWM"))
        except (StopIteration, FileNotFoundError):
            break
        tick.wait(0.1)
    assert child.wait() == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, used, most


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Broker(folder=Path(folder) / "broker") as broker:
        logs = Path(folder) / "logs"
        logs.mkdir()
        file = Path(folder) / "customers.csv"
        since = write(file, datetime.now(UTC))
        with ChaosCluster(
            broker.bootstrap, logs, CXGAUGE_TOPICS_PARTITIONS="12", CXGAUGE_WORKER_FLUSH_INTERVAL="500ms"
        ) as cluster:
            worker, exporter = cluster.start(), cluster.start("exporter")
            wait(lambda: cluster.ready(worker) and cluster.ready(exporter), cluster.logs)
            print(f"{N:,} customers; 12 partitions, one worker, one exporter", flush=True)
            began = time.monotonic()
            seconds, used, most = replay(cluster, file)
            print(
                f"replay: {seconds:.0f} s ({used:.0f} s of CPU), {N / seconds:,.0f}/s, {most:,.0f} MB at most",
                flush=True,
            )
            active = 'cx_active_customers{view="total"}'
            took(lambda: cluster.samples(exporter).get(active) == N and cluster.ready(exporter), cluster)
            seconds = time.monotonic() - began
            print(f"shown after {seconds:.0f} s; worker {cpu(worker.pid):.0f} s of CPU, {N / seconds:,.0f}/s")
            faults = wrong(
                cluster.samples(exporter),
                aggregation_config(cluster.settings).windows,
                since,
                int(time.time() * 1000),
            )
            print(f"opening customers of every window: {faults or 'as in the file'}")
            for name, process in (("worker", worker), ("exporter", exporter)):
                print(
                    f"{name}: {megabytes(process.pid):,.0f} MB, {megabytes(process.pid, 'VmHWM'):,.0f} MB at most"
                )
            for topic in (
                cluster.settings.topics.state("customers"),
                cluster.settings.topics.panes("customers"),
            ):
                size = sum(log.stat().st_size for log in Path(folder).glob(f"broker/data/{topic}-*/*.log"))
                print(f"{topic.partition('.')[2]}: {size / 2**20:,.0f} MiB, {size / N:,.0f} B a customer")
            worker.send_signal(signal.SIGTERM)
            print(
                f"worker stops within {took(lambda: worker.poll() is not None, cluster):.1f} s, exit {worker.returncode}"
            )
            cluster.reap()
            again = cluster.start()
            print(
                f"worker ready again after {took(lambda: cluster.ready(again), cluster):.1f} s, {megabytes(again.pid):,.0f} MB"
            )
            twin = cluster.start("exporter")
            seconds = took(lambda: cluster.samples(twin).get(active) == N and cluster.ready(twin), cluster)
            print(f"a second exporter is complete after {seconds:.1f} s, {megabytes(twin.pid):,.0f} MB")
            sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
