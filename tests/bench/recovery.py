"""Time and memory of taking over all partitions with fencing, as JSON. Settings come from the environment.

With `worker.state_dir` it reads the whole topics into databases, because no flush follows that would write their checkpoints.
"""

import asyncio
import gc
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stream.clock import wall_ms
from stream.config import Settings, load
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.kafka.admin import describe
from stream.kafka.topics import topics
from stream.worker.checkpoint_writer import KafkaCheckpointStore
from stream.worker.state_dir import open_state_dir

if TYPE_CHECKING:
    from stream.worker.disk.local_state import LocalState


def resident() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def take_over(settings: Settings, local: "LocalState | None") -> None:
    """Load all partitions and print the figures."""
    config, store, count = (
        aggregation_config(settings),
        KafkaCheckpointStore(settings, local=local),
        settings.topics.partitions,
    )
    partitions = [
        PartitionTask(domain, number, count, config) for domain in DOMAIN_REGISTRY for number in range(count)
    ]
    gc.collect()
    memory_before, started_at, cpu_before = resident(), time.perf_counter(), time.process_time()
    await store.load(partitions)
    for partition in partitions:
        partition.finish_restore()
    seconds, cpu = time.perf_counter() - started_at, time.process_time() - cpu_before
    for partition in partitions:
        await store.close(partition)
    gc.collect()
    entities = sum(len(partition.store.entities) for partition in partitions)
    blocks = sum(len(partition.panes) for partition in partitions)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": cpu,
                "entities": entities,
                "blocks": blocks,
                "bytes": resident() - memory_before,
            }
        )
    )


def main() -> None:
    settings = load(None, dict(os.environ))
    described = asyncio.run(describe(settings, topics(settings)))
    local = open_state_dir(settings, described, wall_ms)
    asyncio.run(take_over(settings, local))
    if local is not None:
        local.stop()


if __name__ == "__main__":
    main()
