"""`make bench-base`: import a million customers and check the figures, with time and memory."""

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
from tests.bench.run import cpu_seconds
from tests.chaos.cluster import ChaosCluster, wait

N = int(os.environ.get("CX_BENCH_CUSTOMERS", "1000000"))
MAPPING = Path(__file__).parents[2] / "deploy" / "examples" / "customer_base.toml"
CHANNELS, PLANS = ("web", "app", "shop", "phone"), ("free", "basic", "gold")


def write_customers(file: Path, now: datetime) -> list[int]:
    """Write seeded customers as CSV and return their activation times in ms.

    One in fourteen is younger than a month.
    """
    random, activated_at = Random(7), []
    with file.open("w") as lines:
        print("customer_id,since,plan,channel", file=lines)
        for number in range(N):
            activation_time = now - timedelta(seconds=60 + int(random.expovariate(1 / (400 * 86_400))))
            activated_at.append(int(activation_time.timestamp() * 1000))
            row = (
                f"c-{number:07d},{activation_time:%Y-%m-%dT%H:%M:%SZ}",
                random.choice(PLANS),
                random.choice(CHANNELS),
            )
            print(*row, sep=",", file=lines)
    return activated_at


def megabytes(pid: int, field: str = "VmRSS") -> float:
    """Return the memory of a process in MB: the present, or with `VmHWM` the maximum."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def seconds_until(condition: Callable[[], object], cluster: ChaosCluster) -> float:
    """Return the seconds until a condition holds."""
    started_at = time.monotonic()
    wait(condition, cluster.logs, timeout=1800)
    return time.monotonic() - started_at


def wrong_windows(
    samples: dict[str, float], windows: tuple[Window, ...], activated_at: list[int], now: int
) -> list[str]:
    """Return the windows with wrong opening customers. A bucket may end meanwhile."""
    messages = []
    for window in windows:
        step, served = (
            window.resolution.step,
            samples.get(f'cx_opening_customers{{view="total",window="{window.label}"}}'),
        )
        starts = [window.first(at) * step for at in (now, now - step)]
        if served not in [sum(at < start for at in activated_at) for start in starts]:
            messages.append(f"{window.label}: {served}")
    return messages


def replay(cluster: ChaosCluster, file: Path) -> tuple[float, float, float]:
    """Import the customers and return seconds, seconds of CPU and the maximum of memory in MB."""
    started_at = time.monotonic()
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
    max_megabytes, pause = 0.0, threading.Event()
    while child.poll() is None:
        try:
            max_megabytes = max(max_megabytes, megabytes(child.pid, "VmHWM"))
        except (StopIteration, FileNotFoundError):
            break
        pause.wait(0.1)
    assert child.wait() == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started_at, spent, max_megabytes


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Broker(folder=Path(folder) / "broker") as broker:
        logs = Path(folder) / "logs"
        logs.mkdir()
        file = Path(folder) / "customers.csv"
        activated_at = write_customers(file, datetime.now(UTC))
        with ChaosCluster(
            broker.bootstrap, logs, CXGAUGE_TOPICS_PARTITIONS="12", CXGAUGE_WORKER_FLUSH_INTERVAL="500ms"
        ) as cluster:
            worker, exporter = cluster.start(), cluster.start("exporter")
            wait(lambda: cluster.ready(worker) and cluster.ready(exporter), cluster.logs)
            print(f"{N:,} customers; 12 partitions, one worker, one exporter", flush=True)
            started_at = time.monotonic()
            seconds, spent, max_megabytes = replay(cluster, file)
            print(
                f"replay: {seconds:.0f} s ({spent:.0f} s of CPU), {N / seconds:,.0f}/s, {max_megabytes:,.0f} MB at most",
                flush=True,
            )
            active = 'cx_active_customers{view="total"}'
            seconds_until(
                lambda: cluster.samples(exporter).get(active) == N and cluster.ready(exporter), cluster
            )
            seconds = time.monotonic() - started_at
            print(
                f"shown after {seconds:.0f} s; worker {cpu_seconds(worker.pid):.0f} s of CPU, {N / seconds:,.0f}/s"
            )
            errors = wrong_windows(
                cluster.samples(exporter),
                aggregation_config(cluster.settings).windows,
                activated_at,
                int(time.time() * 1000),
            )
            print(f"opening customers of every window: {errors or 'as in the file'}")
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
                f"worker stops within {seconds_until(lambda: worker.poll() is not None, cluster):.1f} s, exit {worker.returncode}"
            )
            cluster.reap()
            restarted = cluster.start()
            print(
                f"worker ready again after {seconds_until(lambda: cluster.ready(restarted), cluster):.1f} s, {megabytes(restarted.pid):,.0f} MB"
            )
            replica = cluster.start("exporter")
            seconds = seconds_until(
                lambda: cluster.samples(replica).get(active) == N and cluster.ready(replica), cluster
            )
            print(f"a second exporter is complete after {seconds:.1f} s, {megabytes(replica.pid):,.0f} MB")
            sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
