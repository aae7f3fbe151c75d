"""What the core spends, without Kafka: `python -m tests.bench.core`.

Times are multiples of what the floor spends on the same records, taken in turn with it, so that a machine whose speed
moves does not matter; medians over chunks of 128 records, of a flush over its records. Memory is what Python says of
its objects.
"""

import gc
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.topics import partition_of
from stream.core.aggregation.admission import MAX_AHEAD
from stream.core.aggregation.pane_store import CellBlocks, PaneStore
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import BATCH_SIZE, PartitionTask
from tests.bench.floor import Panes as Floor
from tests.bench.floor import count
from tests.bench.run import answers, conversations
from tests.chaos.feedback_load import PublishedRecord
from tests.support import FakeRecord, aggregation_config

N, COUNT, FLUSH = 200_000, 4, 40
VIEWS: dict[str, tuple[str, ...]] = {"total": (), "channel": ("channel",), "touchpoint": ("touchpoint",)}


def spent(number: int, sent: Iterator[PublishedRecord]) -> tuple[str, PartitionTask, PartitionTask]:
    """How many times the floor each step takes an event; a partition that counted, and one restored from it."""
    now = int(time.time() * 1000)
    listed: list[list[FakeRecord]] = [[] for _ in range(COUNT)]
    for one in sent:
        mine = listed[partition_of(one.key, COUNT)]
        mine.append(FakeRecord(len(mine), now, one.key, one.value, ()))
    counted = [
        PartitionTask(DOMAIN_REGISTRY[number], i, COUNT, aggregation_config(views=VIEWS))
        for i in range(COUNT)
    ]
    restored = PartitionTask(DOMAIN_REGISTRY[number], 0, COUNT, aggregation_config(views=VIEWS))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1_000, 1_000)
    took: defaultdict[str, list[float]] = defaultdict(list)
    panes: Floor = {}
    clock = time.process_time
    for partition, records in zip(counted, listed, strict=True):
        floors = []
        for n, i in enumerate(range(0, len(records) - BATCH_SIZE, BATCH_SIZE), 1):
            some = records[i : i + BATCH_SIZE]
            began = clock()
            count(some, panes)
            floored = clock()
            partition._admission.decoder.decode_all([record.value for record in some])
            decoded = clock()
            partition.process(some, now + MAX_AHEAD)
            folded = clock()
            floors.append(floored - began)
            took["decode"].append((decoded - floored) / floors[-1])
            took["fold (decode included)"].append((folded - decoded) / floors[-1])
            if n % FLUSH == 0:
                began = clock()
                flush = partition.prepare_flush(now, 0)
                took["flush"].append((clock() - began) / sum(floors[-FLUSH:]))
                if partition is counted[0]:
                    for key, value in flush.panes:
                        restored.restore_panes(key, value)
    restored.finish_restore()
    gc.unfreeze()
    told = "   ".join(f"{step} {statistics.median(times):.2f}" for step, times in took.items())
    return told, counted[0], restored


def weight(panes: PaneStore) -> float:
    """Bytes a pane: one bucket of one cell in one resolution."""
    seen: set[int] = set()

    def size(one: Any) -> int:
        if id(one) in seen:
            return 0
        seen.add(id(one))
        inside: Iterable[Any] = ()
        if isinstance(one, dict):
            inside = [*one.keys(), *one.values()]
        elif isinstance(one, CellBlocks):
            inside = one.cell, one.blocks
        elif isinstance(one, tuple | list):
            inside = one
        return sys.getsizeof(one) + sum(map(size, inside))

    held = size(panes._cells) + size(panes._expiring)
    return held / sum(len({place >> 16 for place in block}) for block in panes.blocks.values())


def main() -> None:
    print("times what the floor spends on an event")
    for label, number, sent in (
        ("feedback, 100 cells", 0, answers(N, 100)),
        ("feedback, 10,000 cells", 0, answers(N, 10_000)),
        ("tickets", 1, conversations(N)),
    ):
        told, counted, restored = spent(number, sent)
        print(
            f"  {label:23} {told}   {weight(counted.panes):.0f} B a pane, restored {weight(restored.panes):.0f}"
        )


if __name__ == "__main__":
    main()
