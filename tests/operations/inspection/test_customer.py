"""`explain --customer`: the stored state of a customer."""

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from click.testing import CliRunner

from stream.cli import main
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.operations.inspection import customer
from stream.operations.inspection.customer import Entities, format_customer
from tests.core.aggregation.customers.events import (
    activated,
    bought,
    churned,
    counted,
    erased,
    joined,
    refunded,
    responded,
)
from tests.core.aggregation.test_erasure import answer
from tests.core.aggregation.tickets.events import created, message
from tests.support import DAY, NOW, FakeRecord, aggregation_config, count, single


def entities_by_domain(*partitions: PartitionTask) -> dict[str, Entities]:
    """Return the entities of partitions with one customer, by domain."""
    return {"tickets": {}} | {p.domain.name: dict(p.store.entities) for p in partitions}


def test_everything_about_a_customer_is_shown() -> None:
    """Lives, money, purchase days, records by kind, and their contributions."""
    customers = counted(
        [
            activated("a", NOW - 20 * DAY, channel="web"),
            churned("a", NOW - 10 * DAY, reason="price", voluntary=False),
            churned("a", NOW - 9 * DAY),
            activated("a", NOW - 2 * DAY, plan="gold", margin_rate=0.25, channel="app"),
            bought("a", "1", 1999, NOW - 2 * DAY),
            bought("a", "2", 500, NOW - DAY, currency="JPY"),
            refunded("a", "1", 999, NOW),
            responded("a"),
            joined("a", "n", "nps", NOW - DAY, answer_class="promoter"),
        ]
    )
    lines = list(
        format_customer(
            "a",
            entities_by_domain(customers, count(Feedback(), [answer("r", "a", 10)])),
            aggregation_config(),
            NOW + DAY,
        )
    )
    assert lines[:9] == [
        "active since 2026-09-19 14:13:20Z",
        "plan: gold; margin: 0.25; cancellation scheduled: no",
        "answers surveys: yes",
        "class: nps promoter, csat none; 1 answers known, 0 final",
        "net revenue: 10.0 EUR",
        "net revenue: 500.0 JPY",
        "frequency: 1; recency: 1 d; T: 3 d at 2026-09-22 14:13:20Z",
        "life: 2026-09-01 14:13:20Z to 2026-09-11 14:13:20Z, price, involuntary",
        "life: 2026-09-19 14:13:20Z to now",
    ]
    assert "ignored churns: 1" in lines
    assert "records in customers: customer (1), orders (2), refunds (1)" in lines
    assert "records in feedback: answers (1), responder (1)" in lines
    assert "records in tickets: none" in lines
    assert '  churned {"channel":"app"} ["price"] 2026-09-11 14:13Z: {"involuntary":1}' in lines
    assert '  customers {"channel":"app"} ["responder"] now: {"active":1}' in lines
    assert '  churn_ignored {"channel":"app"} [] 2026-09-12 14:13Z: {"churns":1}' in lines


def test_parts_of_a_histogram_are_numbered() -> None:
    """Its number of durations, their sum in ms, and a bucket."""
    tickets = count(Tickets(), [created(NOW, "t", customer_id="a"), message(NOW + 60_000)])
    state = {"feedback": {}, "customers": {}} | entities_by_domain(tickets)
    lines = list(format_customer("a", state, aggregation_config(), NOW + DAY))
    (line,) = (line for line in lines if line.startswith("  first_response "))
    assert re.fullmatch(r'.*: \{"responses":1,"responses\+1":60000,"responses\+\d+":1\}', line)


def test_an_erased_customer_is_reported() -> None:
    """Only the erasure and its time are shown."""
    partition = count(Customers(), [activated("a", NOW - DAY), erased("a")])
    lines = list(
        format_customer("a", entities_by_domain(partition, count(Feedback(), [])), aggregation_config(), NOW)
    )
    assert lines[0] == "no stored customer with this ID"
    assert lines[1] == "erased in customers: everything up to 2026-09-21 14:13:20Z"
    assert lines[-1] == "records in customers: none"


@pytest.mark.kafka
def test_missing_topics_are_reported(environ: dict[str, str]) -> None:
    """The exit code is 4, and the error names the topics."""
    result = CliRunner(env=environ).invoke(main, ["explain", "--customer", "a"])
    assert result.exit_code == 4
    assert f"{environ['CXGAUGE_TOPICS_STATE_PREFIX']}.state.customers: is missing" in result.stderr


@pytest.mark.kafka
def test_an_unknown_customer_is_reported(runner: CliRunner) -> None:
    """An unknown customer is reported. A metric cannot be combined with a customer."""
    result = runner.invoke(main, ["explain", "--customer", "nobody"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("no stored customer with this ID\n")
    assert runner.invoke(main, ["explain", "nps", "--customer", "a"]).exit_code == 2


async def write_state(environ: dict[str, str], domain: str, entities: Entities) -> None:
    """Write entities to the two partitions of a state topic in turn."""
    topic = f"{environ['CXGAUGE_TOPICS_STATE_PREFIX']}.state.{domain}"
    async with AIOKafkaProducer(bootstrap_servers=environ["CXGAUGE_KAFKA_BOOTSTRAP_SERVERS"]) as producer:
        for n, (key, raw) in enumerate(sorted(entities.items())):
            await producer.send_and_wait(topic, raw, key=key, partition=n % 2)


@pytest.mark.kafka
def test_tickets_on_every_partition_are_shown(runner: CliRunner, environ: dict[str, str]) -> None:
    """They belong to the ticket's ID, not to the customer's."""
    customers = {"t": "a", "u": "a", "v": "b"}
    tickets = [created(NOW, ticket, customer_id=customer) for ticket, customer in customers.items()]
    asyncio.run(write_state(environ, "tickets", count(Tickets(), tickets).store.entities))
    result = runner.invoke(main, ["explain", "--customer", "a"])
    assert result.exit_code == 0, result.output
    assert "records in tickets: tickets (2)" in result.stdout


async def read_one_of(n: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Entities, int]:
    """Read customer 1 among answers of `n` customers whose IDs begin with 1. Return the peak of Python's memory in bytes, too."""
    state = count(Feedback(), [answer(f"r{i}", f"1{i}" if i else "1", 10) for i in range(n)]).store.entities
    partition = TopicPartition("state", 0)

    async def batches(*_: object) -> AsyncIterator[tuple[TopicPartition, list[FakeRecord]]]:
        for key, raw in state.items():
            yield partition, [FakeRecord(0, NOW, bytes(bytearray(key)), bytes(bytearray(raw)), ())]

    async def assign(*_: object) -> None:
        """Assign nothing."""

    monkeypatch.setattr(customer, "read_ranges", batches)
    monkeypatch.setattr(customer, "assign", assign)
    kinds, consumer = single(Feedback()).kinds, cast("AIOKafkaConsumer", None)
    tracemalloc.start()
    entities = await customer._read_partitions(consumer, [partition], kinds, b"1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return entities, peak


async def test_only_the_entities_of_the_customer_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the ID is a part of most others."""
    await read_one_of(500, monkeypatch)  # caches grow once
    few, peak_of_few = await read_one_of(500, monkeypatch)
    many, peak_of_many = await read_one_of(2_000, monkeypatch)
    assert few.keys() == many.keys() == {b"ar0", b"c1"}
    assert peak_of_many < 1.5 * peak_of_few
