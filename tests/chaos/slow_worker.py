"""A worker that loads partitions for longer than its session: `python -m tests.chaos.slow_worker worker`."""

import asyncio
import logging
from collections.abc import Collection

from stream.cli import main
from stream.core.aggregation.task import PartitionTask
from stream.worker.checkpoint_writer import KafkaCheckpointStore

log = logging.getLogger(__name__)

LOAD_SECONDS = 15.0
LOADING = "loading partitions for long"

_load = KafkaCheckpointStore.load


async def load(self: KafkaCheckpointStore, partitions: Collection[PartitionTask]) -> None:
    log.warning(LOADING)
    await _load(self, partitions)
    await asyncio.sleep(LOAD_SECONDS)


KafkaCheckpointStore.load = load  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
