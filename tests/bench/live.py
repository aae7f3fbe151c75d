"""Latency from a record to a served figure at 1,000 and 10 events a second, then time and memory of a restart.

`python -m tests.bench.live`. `tests.bench.latency` says what the stages are.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stream.devbroker.kafka import Broker
from tests.bench.latency import RATES, measure_latency
from tests.bench.run import answers
from tests.chaos.cluster import ChaosCluster

ANSWERS_STORED = 100_000, 500_000


def measure_takeover(cluster: ChaosCluster, answered: int) -> dict[str, float]:
    """Measure a worker that takes over after so many answers."""
    with cluster:
        cluster.publish(answers(answered, 100))
        assert cluster.wait_until_counted()
        for worker in cluster.workers:
            worker.kill()
            worker.wait()
        in_memory = take_over("in memory", cluster)
        with tempfile.TemporaryDirectory() as state_dir:
            take_over("into an empty folder on disk", cluster, CXGAUGE_WORKER_STATE_DIR=state_dir)
    return in_memory


def take_over(label: str, cluster: ChaosCluster, **env: str) -> dict[str, float]:
    """Print and return the figures of a new process that takes all partitions over."""
    output = subprocess.run(
        [sys.executable, "-m", "tests.bench.recovery"],
        env={**os.environ, **cluster.env, **env},
        check=True,
        stdout=subprocess.PIPE,
    )
    takeover: dict[str, float] = json.loads(output.stdout)
    print(
        f"taking over {takeover['entities']:,} entities and {takeover['blocks']:,} blocks of panes {label}: "
        f"{takeover['seconds']:.2f} s ({takeover['cpu']:.2f} s of CPU); {takeover['bytes'] / 1e6:.0f} MB, clients included",
        flush=True,
    )
    return takeover


def main() -> None:
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        for rate in RATES:
            measure_latency(broker.bootstrap, rate, Path(folder))
        small, large = (
            measure_takeover(ChaosCluster(broker.bootstrap, Path(folder)), n) for n in ANSWERS_STORED
        )
        bytes_per_entity = (large["bytes"] - small["bytes"]) / (large["entities"] - small["entities"])
        print(f"memory: {bytes_per_entity:,.0f} B an entity, from the difference of the two")


if __name__ == "__main__":
    main()
