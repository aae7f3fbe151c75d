"""Time and memory of taking over all partitions with fencing, as JSON. Settings come from the environment."""

import asyncio
import gc
import json
import os
import time
from pathlib import Path

from stream.config import load
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.worker.checkpoint_writer import KafkaCheckpointStore


def resident() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main() -> None:
    settings = load(None, dict(os.environ))
    config, store, count = (
        aggregation_config(settings),
        KafkaCheckpointStore(settings),
        settings.topics.partitions,
    )
    partitions = [
        PartitionTask(domain, number, count, config) for domain in DOMAIN_REGISTRY for number in range(count)
    ]
    gc.collect()
    memory_before, started_at = resident(), time.perf_counter()
    await store.load(partitions)
    for partition in partitions:
        partition.finish_restore()
    seconds = time.perf_counter() - started_at
    for partition in partitions:
        await store.close(partition)
    gc.collect()
    entities = sum(len(partition.store.entities) for partition in partitions)
    blocks = sum(len(partition.panes) for partition in partitions)
    print(
        json.dumps(
            {"seconds": seconds, "entities": entities, "blocks": blocks, "bytes": resident() - memory_before}
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
