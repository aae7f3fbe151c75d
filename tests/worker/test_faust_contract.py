"""Private parts of Faust and aiokafka that this project uses. An upgrade that changes one fails here."""

import _ssl
import inspect
from importlib.metadata import version
from types import ModuleType

import faust
import mode
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.api import Request
from aiokafka.record._crecords import DefaultRecord, DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from faust import Schema
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.manager import TableManager
from faust.transport.consumer import Consumer, ConsumerThread, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from mode.types import ServiceT

from stream.config import load
from stream.kafka.records import CheckedRecords
from stream.worker import app, service, transport
from stream.worker.app import build
from stream.worker.transport import BatchConsumer


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_versions_are_known() -> None:
    """The parts below were read in these versions."""
    assert version("faust-streaming") == "0.15.3"
    assert version("aiokafka").startswith("0.14.")


def test_the_consumer_is_overridable_where_we_override_it() -> None:
    """Names and parameters of methods that our transport replaces or calls."""
    assert parameters(Consumer._wait_next_records) == ["self", "timeout"]
    assert parameters(ThreadDelegateConsumer._getmany) == ["self", "active_partitions", "timeout"]
    assert parameters(Consumer.perform_seek) == ["self"]
    assert parameters(Consumer.wait_empty) == ["self"]
    assert parameters(Consumer.getmany) == ["self", "timeout"]
    assert parameters(ThreadDelegateConsumer.seek_wait) == ["self", "partitions"]
    assert parameters(AIOKafkaConsumerThread._create_worker_consumer) == ["self", "transport"]
    assert Transport.Consumer is not BatchConsumer


OVERRIDES = {
    "AssignmentTables": {"on_start", "on_rebalance"},
    "BatchApp": {"_create_directories"},
    "BatchConsumer": {"_new_consumer_thread", "_wait_next_records", "getmany", "perform_seek", "wait_empty"},
    "BatchConsumerThread": {"_create_worker_consumer", "on_partitions_assigned", "on_partitions_revoked"},
    "BatchSchema": {"compile"},
    "BatchTransport": {"Consumer"},
    "_FaustWorker": {"_on_sigint", "_on_sigterm", "_sentinel_task"},
}
"""The members of Faust's classes that our subclasses replace on purpose."""


@pytest.mark.parametrize("module", [app, service, transport])
def test_nothing_else_of_faust_is_overridden(module: ModuleType) -> None:
    """A method with the name of one of Faust's by accident would replace it."""
    set_by_mode = {"logger", "_abc_impl"}
    for name, cls in vars(module).items():
        if inspect.isclass(cls) and cls.__module__ == module.__name__ and issubclass(cls, (ServiceT, Schema)):
            inherited = {attribute for base in cls.__mro__[1:] for attribute in vars(base)}
            replaced = {attribute for attribute in vars(cls) if not attribute.startswith("__")} & inherited
            assert replaced - set_by_mode == OVERRIDES.get(name, set()), name


def test_tables_are_notified_of_rebalances_before_streams_resume() -> None:
    """Assigned partitions are loaded in `on_rebalance`."""
    assert parameters(TableManager.on_rebalance) == [
        "self",
        "assigned",
        "revoked",
        "newly_assigned",
        "generation_id",
    ]
    source = inspect.getsource(faust.App._on_partitions_assigned)
    assert source.index("self.tables.on_rebalance") < source.index("self.on_partitions_assigned.send")


def test_a_rebalance_begins_with_our_flush() -> None:
    """Faust waits until the consumer is empty before it revokes partitions."""
    assert "_consumer_wait_empty" in inspect.getsource(faust.App._on_partitions_revoked)


def test_a_member_of_the_group_can_send_heartbeats_while_it_loads() -> None:
    """Those that we start before are kept by aiokafka, which would start them after the assignment."""
    assert "if self._heartbeat_task is None" in inspect.getsource(GroupCoordinator._start_heartbeat_task)
    ensured = inspect.getsource(GroupCoordinator.ensure_active_group)
    assert ensured.index("_do_rejoin_group") < ensured.index("_start_heartbeat_task")
    for method in (GroupCoordinator.ensure_active_group, GroupCoordinator._heartbeat_routine):
        assert "fetcher_idle_time" in inspect.getsource(method)
    assert "self._on_join_prepare" in ensured
    assert "on_partitions_revoked" in inspect.getsource(GroupCoordinator._on_join_prepare)
    assert "_fetch_count" in inspect.getsource(SubscriptionState.fetcher_idle_time.fget)
    assert parameters(ConsumerThread.on_partitions_assigned) == ["self", "assigned", "generation_id"]
    assert parameters(ConsumerThread.on_partitions_revoked) == ["self", "revoked"]


def test_aiokafka_has_positions_and_accepts_batches() -> None:
    """The lag uses the positions, and built batches make a flush twenty times faster."""
    for name in ("position", "has_valid_position"):
        assert hasattr(TopicPartitionState, name)
    assert {"lso", "timestamp"} <= set(TopicPartitionState.__init__.__code__.co_names)
    batch = BatchBuilder(1 << 10, 0)
    assert batch._builder.append(0, 1, b"key", b"value", []) is not None
    assert batch._builder.append(1, None, b"key", None, [("name", b"value")]) is not None
    assert batch._builder.append(2, 1, b"key", bytes(1 << 10), []) is None
    batch._relative_offset = 2
    batch.close()
    assert batch.record_count() == 2
    assert len(list(MemoryRecords(bytes(batch._build())).next_batch())) == 2
    single_record = BatchBuilder(1 << 10, 0)
    assert single_record._builder.append(0, 1, b"key", bytes(1 << 12), []) is not None, (
        "first, whatever its size"
    )


RECORDS = CheckedRecords.__base__
"""aiokafka's class. Its module refers to ours once a client was built in this process."""


def test_records_are_created_where_we_replace_nothing() -> None:
    """The fetcher creates its records by a method and by the class in its module."""
    assert parameters(RECORDS._consumer_record) == ["self", "tp", "record"]
    assert "PartitionRecords(" in inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "self._records_iterator = self._unpack_records()" in inspect.getsource(RECORDS)
    for name in ("offset", "timestamp", "key", "value", "headers"):
        assert hasattr(DefaultRecord, name)


def test_records_are_unpacked_where_we_check_them() -> None:
    """Our loop over the batches of a fetch relies on these."""
    names = set(RECORDS.__init__.__code__.co_names)
    assert {"_records", "_check_crcs", "_isolation_level", "_aborted_producers", "next_fetch_offset"} <= names
    assert parameters(RECORDS._unpack_records) == ["self"]
    assert parameters(RECORDS._consume_aborted_up_to) == ["self", "batch_offset"]
    assert parameters(RECORDS._contains_abort_marker) == ["self", "next_batch"]
    for name in ("base_offset", "next_offset", "is_control_batch", "is_transactional", "producer_id"):
        assert hasattr(DefaultRecordBatch, name)


def test_aiokafka_has_what_our_requests_need() -> None:
    """The requests of `stream/kafka/metadata.py`, the logins of `faults.py`, and the decoder of certificates of ssl."""
    assert "_client" in AIOKafkaAdminClient.__init__.__code__.co_names
    assert parameters(AIOKafkaClient.send) == ["self", "node_id", "request", "group"]
    assert parameters(AIOKafkaClient.coordinator_lookup) == ["self", "coordinator_type", "coordinator_key"]
    assert parameters(Request.build) == ["self", "request_struct_class"]
    assert "error.__cause__ = exc" in inspect.getsource(AIOKafkaConnection.close)
    assert callable(_ssl._test_decode_cert)  # type: ignore[attr-defined]


def test_the_worker_has_hooks_for_signals_and_its_last_pause() -> None:
    """The drain has a deadline and no sleep at its end."""
    for name in ("_on_sigterm", "_on_sigint", "_sentinel_task"):
        assert hasattr(mode.Worker, name)


def test_the_app_has_our_settings() -> None:
    """Faust's assignor without standbys, no web server, crash on error, and an agent for each topic."""
    app = build(load(None, {}), store=None, clock=lambda: 0, fail_fast=print)  # type: ignore[arg-type]
    assert isinstance(app.assignor, PartitionAssignor)
    assert app.conf.table_standby_replicas == 0
    assert not app.conf.web_enabled
    assert app.conf.agent_supervisor is mode.CrashingSupervisor
    assert app.transport.Consumer is BatchConsumer
    assert "feedback" in app.agents
