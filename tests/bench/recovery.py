"""What taking over all partitions takes, fencing included, and what they hold, as JSON. Settings from the environment."""

import asyncio
import gc
import json
import os
import time
from pathlib import Path

from stream.config import load
from stream.core.domains import DOMAINS
from stream.core.partition import Partition
from stream.wiring import rules
from stream.worker.store import KafkaStore


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main() -> None:
    settings = load(None, dict(os.environ))
    in_force, store, count = rules(settings), KafkaStore(settings), settings.topics.partitions
    partitions = [Partition(domain, number, count, in_force) for domain in DOMAINS for number in range(count)]
    gc.collect()
    held, began = resident(), time.perf_counter()
    await store.load(partitions)
    for partition in partitions:
        partition.ready()
    took = time.perf_counter() - began
    for partition in partitions:
        await store.close(partition)
    gc.collect()
    entities = sum(len(partition.book.entities) for partition in partitions)
    blocks = sum(len(partition.panes) for partition in partitions)
    print(json.dumps({"seconds": took, "entities": entities, "blocks": blocks, "bytes": resident() - held}))


if __name__ == "__main__":
    asyncio.run(main())
