"""The synchronous publisher, with a fake producer and with Apache Kafka."""

import asyncio
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError

from schemas import SyncPublisher, publish
from schemas.codec import Decoder, Undecodable, make
from schemas.customers import CustomerActivated, CustomerErased
from schemas.topics import CUSTOMERS
from stream.devbroker.kafka import Broker
from tests.style.sources import ROOT

FORK = """\
import os, sys
from schemas import CustomerActivated, SyncPublisher

publisher = SyncPublisher(sys.argv[1], topics={"customers": sys.argv[2]})
with publisher:
    publisher.send(CustomerActivated(customer_id="parent"))
    if not (child := os.fork()):
        try:
            publisher.send(CustomerActivated(customer_id="refused"))
        except RuntimeError as error:
            print(error, flush=True)
        with publisher:
            publisher.send(CustomerActivated(customer_id="child"))
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    publisher.send(CustomerActivated(customer_id="parent after the child"))
"""


class FakeProducer:
    """A fake AIOKafkaProducer. Records are confirmed at once, by a later call, or never."""

    start_error: KafkaError | None = None
    confirmed: Any = True

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.sent: list[tuple[str, bytes]] = []
        self.threads: set[str] = set()
        self.stopped = False
        self.client = self

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        if self.start_error is not None:
            raise self.start_error

    async def stop(self) -> None:
        self.stopped = True
        if self.confirmed is None:
            await asyncio.Event().wait()

    async def close(self) -> None:
        self.stopped = True

    async def send(self, topic: str, *, value: bytes, **_: Any) -> "asyncio.Future[None]":
        self.threads.add(threading.current_thread().name)
        self.sent.append((topic, value))
        future = self.loop.create_future()
        if isinstance(self.confirmed, Exception):
            future.set_exception(self.confirmed)
        elif self.confirmed:
            future.set_result(None)
        return future


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeProducer]]:
    """The producers created. At the end of the test no thread of a publisher is left."""
    created: list[FakeProducer] = []

    def producer(**settings: Any) -> FakeProducer:
        created.append(FakeProducer(**settings))
        return created[-1]

    monkeypatch.setattr(publish, "AIOKafkaProducer", producer)
    yield created
    assert [thread for thread in threading.enumerate() if thread.name == "cxgauge-publisher"] == []


def customers(producer: FakeProducer) -> list[str]:
    """Return the customers of the events sent."""
    decoder = Decoder(CUSTOMERS)
    return [decoder.decode(value, ()).data.customer_id for _, value in producer.sent]  # type: ignore[attr-defined]


def test_it_sends_in_the_order_of_calls(producers: list[FakeProducer]) -> None:
    """By the asynchronous publisher, with its settings, in a thread of its own."""
    with SyncPublisher("host:1", source="/shop", topics={"customers": "own"}, linger_ms=5) as publisher:
        publisher.send(CustomerActivated(customer_id="a"), id="i", time="1970-01-01T00:00:01Z")
        publisher.send(make(CustomerActivated(customer_id="b"), id="j", source="/s", time=1))
    (producer,) = producers
    assert producer.settings == {"bootstrap_servers": "host:1", "enable_idempotence": True, "linger_ms": 5}
    assert [topic for topic, _ in producer.sent] == ["own", "own"]
    assert customers(producer) == ["a", "b"]
    event = Decoder(CUSTOMERS).decode(producer.sent[0][1], ())
    assert (event.id, event.source) == ("i", "/shop")
    assert (producer.threads, producer.stopped) == ({"cxgauge-publisher"}, True)


def test_many_are_checked_before_the_first_is_sent(producers: list[FakeProducer]) -> None:
    """A generator runs in the calling thread, because its database may allow no other."""

    def rows() -> Iterator[CustomerActivated]:
        assert threading.current_thread() is threading.main_thread()
        for name in ("a", "b", ""):
            yield CustomerActivated(customer_id=name)

    with SyncPublisher() as publisher:
        with pytest.raises(Undecodable, match=r"data\.customer_id: expected str of length >= 1"):
            publisher.send_all(rows())
        assert producers[0].sent == []
        publisher.send_all([*rows()][:2])
        publisher.send_all([CustomerErased(customer_id="c")])
    assert customers(producers[0])[:2] == ["a", "b"]
    assert len(producers[0].sent) == 2 + 3


def test_threads_share_a_publisher(producers: list[FakeProducer]) -> None:
    """All of their events are sent, each once."""
    names = [f"c-{n}" for n in range(400)]
    with SyncPublisher() as publisher, ThreadPoolExecutor(16) as pool:
        for _ in pool.map(lambda name: publisher.send(CustomerActivated(customer_id=name)), names):
            pass
    assert sorted(customers(producers[0])) == sorted(names)


def test_an_error_of_kafka_is_raised_where_it_was_sent(
    producers: list[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many events, all are waited for before the error is raised."""
    monkeypatch.setattr(FakeProducer, "confirmed", TopicAuthorizationFailedError("cx.customers"))
    with SyncPublisher() as publisher:
        with pytest.raises(TopicAuthorizationFailedError, match=r"cx\.customers"):
            publisher.send(CustomerActivated(customer_id="a"))
        with pytest.raises(TopicAuthorizationFailedError):
            publisher.send_all(CustomerActivated(customer_id=name) for name in "abc")
    assert len(producers[0].sent) == 4


def test_an_event_that_is_not_confirmed_in_time(
    producers: list[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that it may be stored. The end of the block does not wait for it for ever."""
    monkeypatch.setattr(FakeProducer, "confirmed", None)
    monkeypatch.setattr("schemas.publish_sync.CLOSE_TIMEOUT", 0.05)
    with SyncPublisher(timeout=0.05) as publisher:
        for call in (publisher.send, lambda event: publisher.send_all([event])):
            with pytest.raises(TimeoutError, match=r"within 0\.05 s and may still be stored: repeat with"):
                call(CustomerActivated(customer_id="a"))
    assert producers[0].stopped


def test_a_call_that_waits_while_another_thread_closes(
    producers: list[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with an error, not with the time limit."""
    monkeypatch.setattr(FakeProducer, "confirmed", None)
    monkeypatch.setattr("schemas.publish_sync.CLOSE_TIMEOUT", 0.05)
    publisher = SyncPublisher(timeout=60)
    publisher.open()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(publisher.send, CustomerActivated(customer_id="a"))
        while not producers[0].sent:
            threading.Event().wait(0.001)
        publisher.close()
        with pytest.raises(RuntimeError, match=r"closed meanwhile\. The event may be stored"):
            waiting.result(10)


def test_a_closed_publisher_says_so(producers: list[FakeProducer]) -> None:
    """Before and after `with`. It may be opened again, but not twice."""
    publisher = SyncPublisher()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="use it as `with SyncPublisher"):
            publisher.send(CustomerActivated(customer_id="c"))
        with publisher:
            with pytest.raises(RuntimeError, match="is open"):
                publisher.open()
            publisher.send(CustomerActivated(customer_id="c"))
        publisher.close()
    assert [len(producer.sent) for producer in producers] == [1, 1]


def test_a_broker_that_refuses_the_start(
    producers: list[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is that of the start, and the thread ends."""
    monkeypatch.setattr(FakeProducer, "start_error", KafkaConnectionError("no"))
    publisher = SyncPublisher()
    with pytest.raises(KafkaConnectionError, match="no"):
        publisher.open()
    assert producers[0].stopped


def test_unknown_domain() -> None:
    """It is refused before anything is connected."""
    with pytest.raises(ValueError, match=r"^topics: expected feedback, tickets, customers, got 'ticket'$"):
        SyncPublisher(topics={"ticket": "x"})


def create_topic(servers: str, name: str) -> None:
    """Create a topic of one partition."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await admin.start()
        await admin.create_topics([NewTopic(name, 1, 1)])
        await admin.close()

    asyncio.run(create())


@pytest.fixture
def topic(kafka: str) -> str:
    """A topic of one partition."""
    name = f"{uuid.uuid4().hex[:8]}.customers"
    create_topic(kafka, name)
    return name


def stored(kafka: str, topic: str) -> list[str]:
    """Return the customers of all records of a topic of one partition."""

    async def read() -> list[str]:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            records = [await asyncio.wait_for(consumer.getone(), 20) for _ in range(end)]
        finally:
            await consumer.stop()
        decoder = Decoder(CUSTOMERS)
        return [decoder.decode(record.value, record.headers).data.customer_id for record in records]  # type: ignore[attr-defined]

    return asyncio.run(read())


@pytest.mark.kafka
def test_apache_kafka(kafka: str, topic: str) -> None:
    """A record is stored when `send` or `send_all` returns."""
    with SyncPublisher(kafka, topics={"customers": topic}) as publisher:
        publisher.send(CustomerActivated(customer_id="first"))
        assert stored(kafka, topic) == ["first"]
        publisher.send_all(CustomerActivated(customer_id=f"c-{n}") for n in range(2_000))
        assert stored(kafka, topic) == ["first", *(f"c-{n}" for n in range(2_000))]


@pytest.mark.kafka
def test_a_fork_opens_its_own(kafka: str, topic: str) -> None:
    """Until then its calls end with an error, and the parent's connections go on."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, kafka, topic]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("or call open() in each process after a fork\n")
    assert stored(kafka, topic) == ["parent", "child", "parent after the child"]


@pytest.mark.kafka
def test_the_end_of_the_process_closes_it(kafka: str, topic: str) -> None:
    """Without a warning of aiokafka or asyncio, and without waiting for the thread."""
    script = (
        FORK[: FORK.index("with publisher:")]
        + 'publisher.open()\npublisher.send(CustomerActivated(customer_id="a"))\n'
    )
    command = [sys.executable, "-c", script, kafka, topic]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert stored(kafka, topic) == ["a"]


@pytest.mark.kafka
def test_a_broker_that_goes_away(caplog: pytest.LogCaptureFixture) -> None:
    """A call ends after its timeout, and `close` soon after. aiokafka would try for ever."""
    caplog.set_level("CRITICAL", "aiokafka")
    with Broker() as broker:
        create_topic(broker.bootstrap, "cx.customers")
        publisher = SyncPublisher(broker.bootstrap, timeout=2)
        publisher.open()
        publisher.send(CustomerActivated(customer_id="a"))
    with pytest.raises(TimeoutError, match="no answer of Kafka within 2 s"):
        publisher.send(CustomerActivated(customer_id="b"))
    publisher.close()
    assert "cxgauge-publisher" not in {thread.name for thread in threading.enumerate()}


def test_no_broker(free_port: int) -> None:
    """The error of aiokafka names the server."""
    with pytest.raises(KafkaConnectionError, match=str(free_port)):
        SyncPublisher(f"127.0.0.1:{free_port}").open()
