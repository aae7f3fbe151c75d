"""Two installations that read the same inputs: each uses the summaries of its own workers only."""

import pytest

from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model.aggregation_config import AggregationConfig
from tests.core.aggregation.feedback.events import answer
from tests.core.aggregation.tickets.events import created, message, status
from tests.support import HOUR, MINUTE, NOW, Event, FakeRecord, aggregation_config, records, single

TICKET = [
    created(NOW, "t", customer_id="c"),
    message(NOW + 30 * MINUTE, ticket="t"),
    status(NOW + HOUR, "solved", "t", by="agent"),
]
ANSWER = [answer("a", 5, NOW + HOUR, customer_id="c", survey="csat", ticket_id="t")]
DEFAULT = aggregation_config()
STRICT = aggregation_config(response_target=10 * MINUTE, installation="strict")


def summaries(domain: Domain, events: list[Event], config: AggregationConfig, first: int) -> list[FakeRecord]:
    """Return the records that a worker writes to `cx.customers` when it reads events from the offset `first`."""
    task = single(domain, config)
    task.process(records(events, first), NOW + HOUR)
    sent = task.prepare_flush(NOW + HOUR, 0).forwards
    return [
        FakeRecord(0, record.timestamp or 0, record.key, record.value)
        for record in sent
        if record.domain == "customers"
    ]


def written(config: AggregationConfig, first: int) -> list[FakeRecord]:
    """Return the records of the workers of tickets and feedback of one installation."""
    return summaries(Tickets(), TICKET, config, first) + summaries(Feedback(), ANSWER, config, first)


def customers_of(config: AggregationConfig, written: list[FakeRecord]) -> PartitionTask:
    """Return the task of `cx.customers` of an installation that read these records."""
    task = single(Customers(), config)
    task.process([record._replace(offset=n) for n, record in enumerate(written)], NOW + HOUR)
    task.prepare_flush(NOW + HOUR, 0)
    assert task.outcome_counts["derived"] == len(written)
    return task


@pytest.mark.parametrize(("config", "other"), [(DEFAULT, STRICT), (STRICT, DEFAULT)])
def test_summaries_of_another_installation_change_nothing(
    config: AggregationConfig, other: AggregationConfig
) -> None:
    """Also if its numbers are higher, as with fewer partitions or after settings were changed there."""
    alone = customers_of(config, written(config, first=0))
    assert len(alone.panes) > 0
    for numbers in (0, 1_000):
        foreign = written(other, first=numbers)
        for log in (foreign + written(config, first=0), written(config, first=0) + foreign):
            assert customers_of(config, log).panes.blocks == alone.panes.blocks
        assert len(customers_of(config, foreign).panes) == 0


def test_the_two_installations_differ() -> None:
    """The test above would pass if the settings had no influence."""
    default, strict = (customers_of(config, written(config, first=0)) for config in (DEFAULT, STRICT))
    assert default.panes.blocks != strict.panes.blocks
