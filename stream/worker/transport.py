"""A Faust transport that passes a whole fetched batch of a partition to the agent as one message.

Faust spends 75 to 100 us on a message before an agent sees it, here once for each batch. Positions and
back-pressure are ours. The checkpoint of each flush is the only truth, and Faust's committed offsets are not
used.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from faust import App, Schema
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer
from faust.transport.drivers.aiokafka import Transport as FaustTransport
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from stream.clock import wall_ms
from stream.core.aggregation.outgoing import Record
from stream.core.aggregation.task import PartitionTask
from stream.core.model.unreadable import UnreadableBatch
from stream.kafka.records import CheckedRecords, unreadable_end
from stream.worker.task_manager import TaskManager

MAX_BATCH_RECORDS = 5_000
"""Maximum records in a message. The event loop is blocked while one message is processed."""
MAX_UNFLUSHED_RECORDS = 20_000
"""Maximum records of a partition that are dispatched but not flushed. Above it the partition is not polled."""
MAX_END_AGE = 10_000
"""Maximum age in ms of the last fetch response that `at_end` trusts."""


class UnwrappedRecords(CheckedRecords):
    """Checked records without `ConsumerRecord`, whose creation costs as much as fetching."""

    def __iter__(self) -> Iterator[Any]:
        """Return the decoder's iterator, which saves a call of `__next__` for each record."""
        return self._records_iterator or iter(())

    def _consumer_record(self, _tp: object, record: Any) -> Any:
        return record


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread with our consumer: read committed, Faust's assignor, fetches of 100 ms."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._rebalance = contextlib.ExitStack()
        """Contexts that last from the revocation of partitions until others are loaded."""

    def _create_worker_consumer(self, _transport: object) -> AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor
        fetcher.PartitionRecords = UnwrappedRecords
        return AIOKafkaConsumer(
            **self.app.client_options,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=100,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
        )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Count as fetching until other partitions are loaded.

        aiokafka neither joins the group again nor sends heartbeats for a consumer that has not fetched for five minutes, but
        one that waits for other members, or loads, cannot fetch.
        """
        self._rebalance.enter_context(self._ensure_consumer()._subscription.fetch_context())  # noqa: SLF001
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Stay a member of the group while the partitions are loaded: aiokafka sends heartbeats only after this callback."""
        self._ensure_consumer()._coordinator._start_heartbeat_task()  # noqa: SLF001
        with self._rebalance:
            await super().on_partitions_assigned(assigned, generation_id)

    def at_end(self, tp: TP) -> bool:
        """Return whether the position is at the high watermark that a recent fetch response named.

        Records of an open transaction are below it. They were written, and a figure without them is not complete.
        """
        subscription = self._consumer._subscription.subscription if self._consumer else None  # noqa: SLF001
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(TopicPartition(*tp)) if assignment else None
        if state is None or not state.has_valid_position or state.highwater is None:
            return False
        # a broker that cannot read its log answers with an error, and the end is that of an earlier response
        recent = abs(wall_ms() - state.timestamp) < MAX_END_AGE
        return recent and bool(state.position >= state.highwater)

    async def commit_for_lag_tools(self, offsets: Mapping[TP, int]) -> None:
        """Commit offsets for lag tools.

        Ignore failures, where Faust would crash, because nothing depends on them.
        """
        await self.call_thread(self._commit_or_ignore, offsets)

    async def _commit_or_ignore(self, offsets: Mapping[TP, int]) -> None:
        with contextlib.suppress(KafkaError):
            await self._consumer.commit({TopicPartition(*tp): offset for tp, offset in offsets.items()})


class BatchConsumer(FaustConsumer):
    """A consumer that yields batches, pauses partitions too far ahead, and seeks to checkpoints."""

    app: "BatchApp"

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def wait_empty(self) -> None:
        """Flush before a rebalance and at the stop.

        End the process on failure, because Faust's crash would hide the reason.
        """
        try:
            await self.app.task_manager.flush_all()
        except Exception as error:  # noqa: BLE001 - every failure ends the process
            self.app.fail_fast(error)

    async def perform_seek(self) -> None:
        """Seek to the checkpoints.

        `seek` from this thread would race with the fetcher, `seek_wait` does not.
        """
        await self.seek_wait(self.app.task_manager.seek_positions(self.assignment()))

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109  (Faust's signature)
    ) -> tuple[dict[TP, list[Record]], frozenset[TP]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = self._get_active_partitions()
        if skipped := self.app.task_manager.skip_ordered(active):
            await self.seek_wait(skipped)
        active = self.app.task_manager.unblocked(active)
        # a copy, because Faust shares its set with the other thread; aiokafka takes an empty set for all partitions
        fetchable = frozenset(self.app.task_manager.fetchable(active, MAX_UNFLUSHED_RECORDS))
        if not fetchable:
            await asyncio.sleep(0.02)
            return {}, fetchable
        try:
            return await self._getmany(
                fetchable, timeout if len(fetchable) == len(active) else 0.05
            ), fetchable
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            self.app.fail_fast(error)  # Faust's crash would hide the reason
            raise

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109  (Faust's signature)
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield fetched records in batches, each with the offset that it follows on."""
        records, active = await self._wait_next_records(timeout)
        if not records or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp, fetched in records.items():
            if tp not in active:
                continue
            unreadable = self._cut(tp, fetched)
            for i in range(0, len(fetched), MAX_BATCH_RECORDS):
                if not self.flow_active or generation != self.app.consumer_generation_id:
                    return
                batch = fetched[i : i + MAX_BATCH_RECORDS]
                start = self.app.task_manager.mark_dispatched(tp, batch[-1].offset)
                if start is not None:
                    yield tp, self._message(tp, start, batch, generation)
            if unreadable is not None and self.flow_active and generation == self.app.consumer_generation_id:
                self.app.task_manager.block(tp, unreadable)

    def _cut(self, tp: TP, fetched: list[Record]) -> UnreadableBatch | None:
        """Remove and return an unreadable batch at the end of fetched records, None if there is none."""
        unreadable = unreadable_end(fetched)
        if unreadable is None:
            self.app.task_manager.unblock(tp)
        else:
            fetched.pop()
        return unreadable

    @staticmethod
    def _message(tp: TP, start: int, batch: list[Record], generation: int) -> ConsumerMessage:
        last = batch[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000,
            timestamp_type=0,
            headers=None,
            key=None,
            value=(tp, start, batch),
            checksum=None,
            tp=tp,
            generation_id=generation,
        )

    def at_end(self, tp: TP) -> bool:
        """Return whether every committed record of a partition has been fetched."""
        thread: BatchConsumerThread = self._thread
        return thread.at_end(tp)

    async def commit_for_lag_tools(self, offsets: Mapping[TP, int]) -> None:
        """Commit the group's offsets, which only lag tools read."""
        thread: BatchConsumerThread = self._thread
        await thread.commit_for_lag_tools(offsets)


class BatchTransport(FaustTransport):
    """The aiokafka transport with batches as messages."""

    Consumer = BatchConsumer


class BatchSchema(Schema):
    """A schema that passes batches through unchanged."""

    def compile(self, app: App, **_options: Any) -> Any:
        """Return a decoder that wraps the batch in an event."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001
            return app.create_event(message.key, message.value, None, message)

        return decode


class BatchApp(App):
    """A Faust app with the owned partitions and the options of Kafka clients."""

    task_manager: TaskManager
    client_options: dict[str, Any]
    fail_fast: Callable[[BaseException], None]
    """Called with an error that forbids further counting. Does not return."""
    task_factory: Callable[[set[TP]], dict[TP, Callable[[], PartitionTask]]]
    """Returns a factory of the task of each assigned partition, without those of other topics."""

    def _create_directories(self) -> None:
        """Create no folders: all state is on Kafka, and the folders of a killed worker would stay."""
