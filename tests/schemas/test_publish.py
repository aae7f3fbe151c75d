"""The publisher client, with a fake producer and with Apache Kafka."""

import asyncio
import re
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAuthorizationFailedError

from schemas import publish
from schemas.codec import CONTENT_TYPE, Decoder, Undecodable, make
from schemas.customers import CustomerActivated, CustomerErased
from schemas.envelope import at_ms
from schemas.feedback import FeedbackSubmitted
from schemas.publish import Publisher
from schemas.tickets import TicketCreated, TicketMessage
from schemas.topics import CUSTOMERS, TICKETS, TOPICS, partition_of


class FakeProducer:
    """A fake AIOKafkaProducer that records its calls."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.sent: list[dict[str, Any]] = []
        self.state = "new"

    async def start(self) -> None:
        self.state = "started"

    async def stop(self) -> None:
        self.state = "stopped"

    async def send(self, topic: str, **record: Any) -> "asyncio.Future[None]":
        self.sent.append({"topic": topic, **record})
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> list[FakeProducer]:
    """The producers created, one after the first `async with`."""
    created: list[FakeProducer] = []

    def producer(**settings: Any) -> FakeProducer:
        created.append(FakeProducer(**settings))
        return created[-1]

    monkeypatch.setattr(publish, "AIOKafkaProducer", producer)
    return created


async def test_a_producer_that_cannot_start_is_stopped(
    producers: list[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections would stay open."""

    async def start(_: FakeProducer) -> None:
        raise TopicAuthorizationFailedError

    monkeypatch.setattr(FakeProducer, "start", start)
    with pytest.raises(TopicAuthorizationFailedError):
        async with Publisher("broker:9092"):
            pass
    assert [producer.state for producer in producers] == ["stopped"]


async def test_data_is_sent_as_a_structured_event(producers: list[FakeProducer]) -> None:
    """Data becomes a structured CloudEvent on its topic, under its owner, with the given time and timestamp."""
    async with Publisher("host:1", source="/shop", security_protocol="SSL") as publisher:
        await publisher.send(
            TicketCreated(ticket_id="t", customer_id="c"),
            id="i",
            time="1970-01-01T01:00:01.5+01:00",
            timestamp_ms=7,
        )
    (producer,) = producers
    assert (producer.settings, producer.state) == (
        {"bootstrap_servers": "host:1", "enable_idempotence": True, "security_protocol": "SSL"},
        "stopped",
    )
    (record,) = producer.sent
    event = Decoder(TICKETS).decode(record.pop("value"), record["headers"])
    assert record == {"topic": "cx.tickets", "key": b"t", "timestamp_ms": 7, "headers": [CONTENT_TYPE]}
    assert (event.id, event.source, at_ms(event)) == ("i", "/shop", 1500)
    assert event.data == TicketCreated(ticket_id="t", customer_id="c")


async def test_defaults(producers: list[FakeProducer]) -> None:
    """Without an ID it has a new UUID, without a time the present. A source can be given for each event."""
    async with Publisher() as publisher:
        await publisher.send(CustomerActivated(customer_id="c"))
        await publisher.send(CustomerActivated(customer_id="c"), source="/other")
    first, second = (Decoder(CUSTOMERS).decode(record["value"], ()) for record in producers[0].sent)
    assert UUID(first.id) != UUID(second.id)
    assert (first.source, second.source) == ("/unknown", "/other")
    assert 0 <= at_ms(second) - at_ms(first) < 60_000


async def test_a_complete_event_is_sent_unchanged(producers: list[FakeProducer]) -> None:
    """An event is sent unchanged."""
    event = make(CustomerActivated(customer_id="c"), id="i", source="/s", time=1)
    async with Publisher() as publisher:
        await publisher.send(event)
    assert Decoder(CUSTOMERS).decode(producers[0].sent[0]["value"], ()) == event


async def test_the_key_is_the_owner(producers: list[FakeProducer]) -> None:
    """All events of a ticket have its ID as key, whether they name the customer or not."""
    async with Publisher() as publisher:
        await publisher.send(TicketCreated(ticket_id="t", customer_id="c"))
        await publisher.send(TicketMessage(ticket_id="t", message_id="m", author="bot"))
        await publisher.send(CustomerActivated(customer_id="c"))
    assert [record["key"] for record in producers[0].sent] == [b"t", b"t", b"c"]


async def test_an_erasure_goes_to_all_topics(producers: list[FakeProducer]) -> None:
    """An erasure is sent on each input, by the names that these have here, as one event."""
    async with Publisher(topics={"tickets": "own.tickets"}) as publisher:
        await publisher.send(CustomerErased(customer_id="c"))
    assert [record["topic"] for record in producers[0].sent] == ["cx.feedback", "own.tickets", "cx.customers"]
    assert len({record["value"] for record in producers[0].sent}) == 1


async def test_bad_data_is_not_sent(producers: list[FakeProducer]) -> None:
    """Data that a worker would refuse is refused."""
    async with Publisher() as publisher:
        with pytest.raises(Undecodable, match=r"^data\.customer_id: expected str of length >= 1, got ''$"):
            await publisher.send(CustomerActivated(customer_id=""))
    assert producers[0].sent == []


def test_unknown_domain() -> None:
    """A topic name for something else is an error."""
    with pytest.raises(ValueError, match=r"^topics: expected feedback, tickets, customers, got 'ticket'$"):
        Publisher(topics={"ticket": "x"})


@pytest.mark.kafka
async def test_apache_kafka(kafka: str) -> None:
    """On a broker a record is in the partition of its key, and the erasure on all three topics."""
    names = {domain: f"publish.{domain}" for domain in TOPICS}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 5, 1) for name in names.values()])
    await admin.close()
    async with Publisher(kafka, topics=names) as publisher:
        await publisher.send(CustomerErased(customer_id="c"), timestamp_ms=1_795_000_000_000)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(name, partition_of(b"c", 5)) for name in names.values()])
        records = [await asyncio.wait_for(consumer.getone(), 20) for _ in names]
    finally:
        await consumer.stop()
    assert {record.topic for record in records} == set(names.values())
    assert {(record.key, record.timestamp, *record.headers) for record in records} == {
        (b"c", 1_795_000_000_000, CONTENT_TYPE)
    }
    event = Decoder(CUSTOMERS).decode(records[0].value, records[0].headers)
    assert event.data == CustomerErased(customer_id="c")


@pytest.mark.parametrize(
    "time",
    [
        1_795_000_000_000,
        1_795_000_000.5,
        datetime(2026, 1, 1),  # noqa: DTZ001 - that it has no zone is the point
        "2026-01-01T00:00:00",
        "yesterday",
    ],
)
async def test_a_time_is_never_guessed(producers: list[FakeProducer], time: Any) -> None:
    """A number could be seconds or milliseconds, and a time without an offset is of no known place."""
    async with Publisher() as publisher:
        with pytest.raises(
            ValueError, match=r"time: expected an aware datetime, or a text such as 2026-11-22T"
        ):
            await publisher.send(CustomerActivated(customer_id="c"), time=time)
    assert producers[0].sent == []


async def test_a_publisher_that_is_not_open_says_so(producers: list[FakeProducer]) -> None:
    """Before and after `async with`."""
    publisher = Publisher()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="use it as `async with Publisher"):
            await publisher.send(CustomerActivated(customer_id="c"))
        async with publisher:
            await publisher.send(CustomerActivated(customer_id="c"))


async def test_data_that_is_no_struct_is_refused(producers: list[FakeProducer]) -> None:
    async with Publisher() as publisher:
        data: Any = {"customer_id": "c"}
        with pytest.raises(Undecodable, match="data: expected a struct such as FeedbackSubmitted, got "):
            await publisher.send(data)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"survey": "NPS"}, "survey: expected one of nps, csat, ces, exit, got 'NPS'"),
        ({"survey": ["nps"]}, "survey: expected one of"),
        ({"score": "9"}, "score: expected int, or null, got '9'"),
        ({"score": [9]}, "score: expected int, or null"),
        ({"survey": "csat", "scale": (1, "5")}, "scale: expected [min, max], got"),
        ({"survey": "csat", "scale": 5}, "scale: expected [min, max], got 5"),
        ({"channel": 3}, "channel: expected str, got 3"),
        ({"channel": {}}, "channel: expected str, got {}"),
        ({"reasons": "price"}, "reasons: expected an array of str, got 'price'"),
        ({"reasons": (1,)}, "reasons: expected an array of str, got (1,)"),
    ],
)
def test_a_struct_with_a_wrong_value_names_the_field(fields: dict[str, Any], error: str) -> None:
    """At once, where the app builds it. What passes as a number is refused when it is sent."""
    with pytest.raises(ValueError, match=re.escape(error)):
        FeedbackSubmitted(**{"feedback_id": "f", "survey": "nps", "score": 9, **fields})


@pytest.mark.parametrize("score", [9.0, True])
def test_a_score_that_only_equals_an_int_is_not_sent(score: Any) -> None:
    data = FeedbackSubmitted(feedback_id="f", survey="nps", score=score)
    with pytest.raises(Undecodable, match=r"data\.score: expected int or null"):
        make(data, id="i", source="/s", time=0)
