"""Time and memory of the core without Kafka: `python -m tests.bench.core`.

Times are multiples of the floor's time for the same records, measured in turn, so that a varying speed of the machine
does not matter. They are medians over chunks of 128 records, for a flush over its records. Memory is measured by
Python's sizes of objects.
"""

import gc
import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from schemas.customers import CustomerActivated, PurchaseCompleted
from schemas.feedback import AnswerSummarized
from schemas.times import MAX_AHEAD, from_ms
from schemas.topics import partition_of
from stream.core.aggregation.pane_store import CellBlocks, PaneStore
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import BATCH_SIZE, PartitionTask
from tests.bench.floor import Panes as Floor
from tests.bench.floor import count
from tests.bench.run import answers, conversations
from tests.chaos.feedback_load import PublishedRecord
from tests.support import DAY, NOW, Event, FakeRecord, aggregation_config, records

N, COUNT, FLUSH = 200_000, 4, 40
VIEWS: dict[str, tuple[str, ...]] = {"total": (), "channel": ("channel",), "touchpoint": ("touchpoint",)}


def measure(number: int, sent: Iterator[PublishedRecord]) -> tuple[str, PartitionTask, PartitionTask]:
    """Return the times of each step as multiples of the floor's, a task that counted, and one restored from it."""
    now = int(time.time() * 1000)
    records_by_partition: list[list[FakeRecord]] = [[] for _ in range(COUNT)]
    for record in sent:
        partition_records = records_by_partition[partition_of(record.key, COUNT)]
        partition_records.append(FakeRecord(len(partition_records), now, record.key, record.value, ()))
    tasks = [
        PartitionTask(DOMAIN_REGISTRY[number], i, COUNT, aggregation_config(views=VIEWS))
        for i in range(COUNT)
    ]
    restored = PartitionTask(DOMAIN_REGISTRY[number], 0, COUNT, aggregation_config(views=VIEWS))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1_000, 1_000)
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    panes: Floor = {}
    clock = time.process_time
    for partition, own_records in zip(tasks, records_by_partition, strict=True):
        floors = []
        for n, i in enumerate(range(0, len(own_records) - BATCH_SIZE, BATCH_SIZE), 1):
            batch = own_records[i : i + BATCH_SIZE]
            started_at = clock()
            count(batch, panes)
            floor_done = clock()
            partition._admission.decoder.decode_all([record.value for record in batch])
            decode_done = clock()
            partition.process(batch, now + MAX_AHEAD)
            process_done = clock()
            floors.append(floor_done - started_at)
            ratios["decode"].append((decode_done - floor_done) / floors[-1])
            ratios["process (decode included)"].append((process_done - decode_done) / floors[-1])
            if n % FLUSH == 0:
                started_at = clock()
                flush = partition.prepare_flush(now, 0)
                ratios["flush"].append((clock() - started_at) / sum(floors[-FLUSH:]))
                if partition is tasks[0]:
                    for key, value in flush.panes:
                        restored.restore_panes(key, value)
    restored.finish_restore()
    gc.unfreeze()
    summary = "   ".join(f"{step} {statistics.median(times):.2f}" for step, times in ratios.items())
    return summary, tasks[0], restored


def with_unknown_field(sent: Iterable[PublishedRecord]) -> Iterator[PublishedRecord]:
    """Yield records with one more field in their data."""
    for record in sent:
        yield record._replace(value=record.value.replace(b'"data":{', b'"data":{"device":"phone",', 1))


def spread(sent: Iterable[PublishedRecord]) -> Iterator[PublishedRecord]:
    """Yield the first event of every ticket, then the second of every one: each comes in a flush of its own."""
    events = list(sent)
    for step in range(5):
        yield from events[step::5]


def bytes_per_pane(panes: PaneStore) -> float:
    """Return the bytes of a pane, which is one bucket of one cell in one resolution."""
    seen_ids: set[int] = set()

    def size(item: Any) -> int:
        if id(item) in seen_ids:
            return 0
        seen_ids.add(id(item))
        children: Iterable[Any] = ()
        if isinstance(item, dict):
            children = [*item.keys(), *item.values()]
        elif isinstance(item, CellBlocks):
            children = item.cell, item.blocks
        elif isinstance(item, tuple | list):
            children = item
        return sys.getsizeof(item) + sum(map(size, children))

    total_bytes = size(panes._cells) + size(panes._expiring)
    return total_bytes / sum(len({pane_id >> 16 for pane_id in block}) for block in panes.blocks.values())


def without_customer(sent: Iterable[PublishedRecord]) -> Iterator[PublishedRecord]:
    """Yield answers that name nobody, of which nothing is derived for `cx.customers`."""
    for record in sent:
        yield record._replace(value=re.sub(rb'"customer_id":\s*"[^"]*",\s*', b"", record.value))


def bytes_of_customer(answer_count: int) -> int:
    """Return the packed size of a customer with a life, two purchases and answers with UUIDs as IDs."""
    task = PartitionTask(DOMAIN_REGISTRY[2], 0, 1, aggregation_config(views=VIEWS))
    person = "7b1c2d3e-0000-4000-8000-0123456789ab"
    data: list[Any] = [CustomerActivated(customer_id=person, plan="pro", channel="web")]
    data += [
        PurchaseCompleted(order_id=str(n), customer_id=person, amount_minor=1_999, currency="EUR")
        for n in range(2)
    ]
    for n in range(answer_count):
        summary = {"number": 1_000_000 + n, "survey": "nps", "moment": from_ms(NOW + n), "counts": True}
        feedback_id = str(UUID(int=n + (1 << 100)))
        data.append(
            AnswerSummarized(feedback_id=feedback_id, customer_id=person, answer_class="promoter", **summary)
        )
    task.process(records(Event(item, NOW + n, NOW + n, f"{n}") for n, item in enumerate(data)), NOW + DAY)
    return len(task.store.entities[b"c" + person.encode()])


def main() -> None:
    print("times what the floor spends on an event")
    for label, number, sent in (
        ("feedback, 100 cells", 0, answers(N, 100)),
        ("feedback, 10,000 cells", 0, answers(N, 10_000)),
        ("feedback, no customers", 0, without_customer(answers(N, 100))),
        ("feedback, unknown field", 0, with_unknown_field(answers(N, 100))),
        ("tickets", 1, conversations(N)),
        ("tickets, event a flush", 1, spread(conversations(N))),
    ):
        summary, task, restored = measure(number, sent)
        print(
            f"  {label:23} {summary}   {bytes_per_pane(task.panes):.0f} B a pane, restored {bytes_per_pane(restored.panes):.0f}"
        )
    sizes = ", ".join(f"{n}: {bytes_of_customer(n)}" for n in (0, 1, 4, 16, 40))
    print(f"bytes of a packed customer by the number of answers: {sizes}")


if __name__ == "__main__":
    main()
