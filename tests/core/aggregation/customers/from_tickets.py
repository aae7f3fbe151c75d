"""The task of `cx.customers` fed with the summaries that the task of `cx.tickets` writes."""

from collections.abc import Iterable

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from tests.support import Event, FakeRecord, records, single


def customers_of(events: Iterable[Event], size: int = 1_000) -> PartitionTask:
    """Return the task of `cx.customers` after the events of tickets, which are flushed after each `size` of them."""
    tickets, customers = single(Tickets()), single(Customers())
    read = records(events)
    clock = max(record.timestamp for record in read)
    for i in range(0, len(read), size):
        tickets.process(read[i : i + size], clock)
        written = tickets.prepare_flush(clock, 0).forwards
        first = customers.next_offset
        summaries = [
            FakeRecord(first + n, sent.timestamp or 0, sent.key, sent.value) for n, sent in enumerate(written)
        ]
        customers.process(summaries, clock)
        customers.prepare_flush(clock, 0)
    assert list(pane_differences(customers)) == []
    assert not customers.dead_letters
    return customers
