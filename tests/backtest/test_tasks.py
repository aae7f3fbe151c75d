"""Events that a domain derives count the same whether they are handed over or written and read."""

from collections.abc import Iterator

import pytest

from schemas.customers import CustomerErased
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus, TicketUpdated
from stream.backtest.core import CoreRecord
from stream.backtest.tasks import InProcessTask
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from tests.backtest.histories import LATEST, MONDAY, encoded, event
from tests.support import DAY, HOUR, MINUTE, Event, aggregation_config

FEEDBACK, TICKETS, CUSTOMERS = DOMAIN_REGISTRY


def _answers() -> Iterator[Event]:
    for n in range(300):
        at = MONDAY + n * HOUR
        data = FeedbackSubmitted(
            feedback_id=f"f{n % 280}",
            survey="nps",
            score=n % 11,
            customer_id=f"c{n % 40}",
            ticket_id=f"t{n % 30}",
            channel=" web ",
            reasons=("slow", "price"),
            labels={"brand": "acme", "unknown": "x"},
        )
        yield event(data, at)


def _tickets() -> Iterator[Event]:
    for n in range(120):
        at, ticket = MONDAY + n * HOUR, f"t{n % 50}"
        created = TicketCreated(
            ticket_id=ticket, customer_id=f"c{n % 40}", topic="pay", labels={"region": "eu"}
        )
        yield event(created, at)
        message = TicketMessage(ticket_id=ticket, message_id=f"m{n}", author="agent", customer_id=f"c{n % 7}")
        yield event(message, at + 5 * MINUTE)
        yield event(TicketUpdated(ticket_id=ticket, team="two", topic="login"), at + 6 * MINUTE)
        yield event(TicketStatus(ticket_id=ticket, status="solved", by="agent"), at + DAY)


def _erased() -> list[Event]:
    return [event(CustomerErased(customer_id="c3"), MONDAY + 5 * DAY)]


def _records(events: list[Event], domain: str, first: int) -> list[CoreRecord]:
    items = [item for item in encoded(events) if item.domain == domain]
    return [CoreRecord(first + n, item.time, None, item.value) for n, item in enumerate(items)]


@pytest.mark.parametrize("erases", [False, True])
@pytest.mark.parametrize(("domain", "history"), [(FEEDBACK, _answers), (TICKETS, _tickets)])
def test_derived_events_count_as_their_records(domain: Domain, history, erases: bool) -> None:  # type: ignore[no-untyped-def]
    """Entities, panes, outcomes and clocks are the same, also after an erasure."""
    config = aggregation_config()
    source, customers = PartitionTask(domain, 0, 1, config), PartitionTask(CUSTOMERS, 0, 1, config)
    in_process, fed = InProcessTask(domain, config), InProcessTask(CUSTOMERS, config)
    events = sorted(history(), key=lambda item: item.at)
    for begin in range(0, len(events), 60):
        part = events[begin : begin + 60]
        for task, target in ((source, customers), (in_process, fed)):
            if erases and begin == 120:
                target.process(_records(_erased(), "customers", target.next_offset), LATEST)
            task.process(_records(part, domain.name, task.next_offset), LATEST)
            flush = task.prepare_flush(LATEST, 0)
            if task is in_process:
                assert not flush.forwards
                fed.process_derived(in_process.derived, domain.name)
                in_process.derived = []
                continue
            offset = customers.next_offset
            customers.process(
                [
                    CoreRecord(offset + n, record.timestamp or 0, record.key, record.value)
                    for n, record in enumerate(flush.forwards)
                ],
                LATEST,
            )
        for task in (customers, fed):
            task.prepare_flush(LATEST, 0)
        assert fed.panes.blocks == customers.panes.blocks
        assert dict(fed.store.entities.items()) == dict(customers.store.entities.items())
        assert fed.outcome_counts == customers.outcome_counts
        assert fed.next_offset == customers.next_offset > 0
        assert fed.checkpoint.newest_timestamp == customers.checkpoint.newest_timestamp
        assert fed.checkpoint.watermark == customers.checkpoint.watermark
