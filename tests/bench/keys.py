"""What erasures and keys with many events cost: `make bench-keys`, the core without Kafka.

Times are CPU time in µs. "Ordinary" is a customer's activation in the same partition, decoding included.
"""

import time
from collections.abc import Callable, Iterable

from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from tests.core.aggregation.customers.events import activated, bought, erased, referral
from tests.core.aggregation.tickets.events import message
from tests.support import DAY, HOUR, MINUTE, NOW, Event, records, single

CUSTOMERS, ERASED = 50_000, 500
STEP = 2_000
"""Events whose mean is one figure of a key that grows."""


def cost(task: PartitionTask, events: Iterable[Event]) -> float:
    """Return the CPU time in µs for processing and flushing an event, as the mean over these."""
    listed = records(events, task.next_offset)
    started_at = time.process_time()
    task.process(listed, NOW)
    task.prepare_flush(NOW, 0)
    return (time.process_time() - started_at) / len(listed) * 1e6


def people(first: int, n: int, at: int) -> list[Event]:
    """Return activations of `n` customers."""
    return [activated(f"c{i}", at, NOW, id=f"a{i}-{at}") for i in range(first, first + n)]


def erasures() -> None:
    """Print what an erasure costs, alone and with the customer's return in the same batch, and an ordinary event."""
    task = single(Customers())
    cost(task, people(0, CUSTOMERS, NOW - DAY))
    first = cost(task, [erased("c0")])
    ordinary = cost(task, people(CUSTOMERS, ERASED, NOW))
    alone = cost(task, [erased(f"c{i}") for i in range(1, ERASED)])
    pairs = [
        (erased(f"c{i}", NOW - HOUR), activated(f"c{i}", NOW, id=f"b{i}")) for i in range(ERASED, 2 * ERASED)
    ]
    back = cost(task, [event for pair in pairs for event in pair])
    print(f"erasures among {CUSTOMERS:,} customers: ordinary event {ordinary:.0f} µs")
    print(f"  an erasure {alone:.0f} µs ({alone / ordinary:.1f} of an ordinary event)")
    print(f"  an event of erasures and returns in turn {back:.0f} µs ({back / ordinary:.1f})")
    print(f"  the partition's first erasure, which makes the index {first / 1000:.0f} ms")


def growing(name: str, task: PartitionTask, make: Callable[[int], Event], n: int) -> None:
    """Print the cost of an event of one key while it grows, and its largest stored row."""
    costs = [cost(task, map(make, range(first, first + STEP))) for first in range(0, n, STEP)]
    largest = max(map(len, task.store.entities.values()))
    shown = ", ".join(f"{costs[i]:.0f}" for i in (0, len(costs) // 2, -1))
    print(
        f"{name}: {shown} µs at the start, in the middle and at the end of {n:,}; largest row {largest:,} B"
    )


def empty_flush() -> None:
    """Print what a flush without changes costs while timers wait."""
    for n in (0, CUSTOMERS):
        task = single(Customers())
        cost(task, people(0, CUSTOMERS, NOW - 60 * DAY))
        if n:
            cost(task, [bought(f"c{i}", f"o{i}", 5, NOW - i * MINUTE, NOW - i * MINUTE) for i in range(n)])
        started_at = time.process_time()
        for _ in range(100):
            task.prepare_flush(NOW, 0)
        print(f"empty flush, {n:,} timers: {(time.process_time() - started_at) * 10_000:.0f} µs")


def main() -> None:
    """Print all figures."""
    erasures()
    growing(
        "one customer's orders",
        _with(people(0, 1, NOW - DAY)),
        lambda i: bought("c0", f"o{i}", 5, NOW - i * 1000),
        20 * STEP,
    )
    growing(
        "one customer's referrals",
        _with(people(0, 1, NOW - DAY)),
        lambda i: referral("sent", "c0", f"r{i}", NOW - i * 1000),
        5 * STEP,
    )
    growing(
        "one ticket's messages",
        single(Tickets()),
        lambda i: message(NOW - i * 100, message_id=f"m{i}"),
        10 * STEP,
    )
    empty_flush()


def _with(events: list[Event]) -> PartitionTask:
    task = single(Customers())
    cost(task, events)
    return task


if __name__ == "__main__":
    main()
