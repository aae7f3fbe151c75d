"""A Faust transport that hands a whole fetched batch of a partition to the agent as one message.

Faust spends 75 to 100 us on a message before an agent sees it; a batch pays that once. Positions, back-pressure and
acknowledgements are ours: the marker of each flush is the only truth, Faust's committed offsets are not used.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaError
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
"""Most records in a message: the event loop is held for one batch at a time."""
MAX_UNFLUSHED_RECORDS = 20_000
"""Most records of a partition that may be read but not yet flushed."""
FETCHED_WITHIN = 10_000
"""Ms for which the end of a partition that a fetch named is believed."""

SourceBatch = tuple[TP, int, list[Record]]
"""The partition, the offset from which the records follow on what was handed out before, and the records."""


class UnwrappedRecords(CheckedRecords):
    """Checked records as its decoder makes them: what a `ConsumerRecord` adds costs as much as fetching."""

    def __iter__(self) -> Iterator[Any]:
        """Without a call of `__next__` for each."""
        return self._records_iterator or iter(())

    def _consumer_record(self, _tp: object, record: Any) -> Any:
        return record


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread with a consumer of our making: read committed, Faust's assignor, 100 ms fetches."""

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

    def at_end(self, tp: TP) -> bool:
        """Whether all that is committed in a partition has been handed to us, as the broker said a moment ago."""
        subscription = self._consumer._subscription.subscription if self._consumer else None  # noqa: SLF001
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(TopicPartition(*tp)) if assignment else None
        if state is None or not state.has_valid_position or state.lso is None:
            return False
        # a broker that cannot read its log answers with an error, and the end that it named before is an old one
        recent = wall_ms() - state.timestamp < FETCHED_WITHIN
        return recent and bool(state.position >= state.lso)

    async def commit_for_lag_tools(self, offsets: Mapping[TP, int]) -> None:
        """Commit offsets for lag tools; when it fails nothing is lost, so Faust's crash on that is left out."""
        await self.call_thread(self._commit_or_ignore, offsets)

    async def _commit_or_ignore(self, offsets: Mapping[TP, int]) -> None:
        with contextlib.suppress(KafkaError):
            await self._consumer.commit({TopicPartition(*tp): offset for tp, offset in offsets.items()})


class BatchConsumer(FaustConsumer):
    """Yields batches, polls no partition that is too far ahead of its flush, seeks to the markers."""

    app: "BatchApp"

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def wait_empty(self) -> None:
        """Before a rebalance and at the stop: nothing but our own flush matters. Faust's crash would hide why it failed."""
        try:
            await self.app.task_manager.flush_all()
        except Exception as error:  # noqa: BLE001  (whatever it was)
            self.app.fail_fast(error)

    async def perform_seek(self) -> None:
        """Go to where the markers are; `seek` from this thread would race with the fetcher, `seek_wait` does not."""
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
        # a copy: Faust shares its set with the other thread; and to aiokafka an empty set means all
        free = frozenset(self.app.task_manager.fetchable(active, MAX_UNFLUSHED_RECORDS))
        if not free:
            await asyncio.sleep(0.02)
            return {}, free
        return await self._getmany(free, timeout if len(free) == len(active) else 0.05), free

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109  (Faust's signature)
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Batches of what was fetched, each with the offset from which it follows on the one before."""
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
                part = fetched[i : i + MAX_BATCH_RECORDS]
                start = self.app.task_manager.mark_dispatched(tp, part[-1].offset)
                if start is not None:
                    yield tp, self._message(tp, start, part, generation)
            if unreadable is not None and self.flow_active and generation == self.app.consumer_generation_id:
                self.app.task_manager.block(tp, unreadable)

    def _cut(self, tp: TP, fetched: list[Record]) -> UnreadableBatch | None:
        """Take an unreadable batch off the end of what was fetched. Without one the partition can be read on."""
        unreadable = unreadable_end(fetched)
        if unreadable is None:
            self.app.task_manager.unblock(tp)
        else:
            fetched.pop()
        return unreadable

    @staticmethod
    def _message(tp: TP, start: int, part: list[Record], generation: int) -> ConsumerMessage:
        last = part[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000,
            timestamp_type=0,
            headers=None,
            key=None,
            value=(tp, start, part),
            checksum=None,
            tp=tp,
            generation_id=generation,
        )

    def at_end(self, tp: TP) -> bool:
        """Whether all that is committed in a partition has been handed to us."""
        thread: BatchConsumerThread = self._thread
        return thread.at_end(tp)

    async def commit_for_lag_tools(self, offsets: Mapping[TP, int]) -> None:
        """Commit the group's offsets for whoever looks at the lag; nobody here reads them."""
        thread: BatchConsumerThread = self._thread
        await thread.commit_for_lag_tools(offsets)


class BatchTransport(FaustTransport):
    """aiokafka, by batches."""

    Consumer = BatchConsumer


class BatchSchema(Schema):
    """Passes a batch through as it is."""

    def compile(self, app: App, **_options: Any) -> Any:
        """A decoder that does not decode."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001
            return app.create_event(message.key, message.value, None, message)

        return decode


class BatchApp(App):
    """A Faust app that knows what it owns and how its clients connect."""

    task_manager: TaskManager
    client_options: dict[str, Any]
    fail_fast: Callable[[BaseException], None]
    """Called with what makes going on wrong; does not return."""
    task_factory: Callable[[set[TP]], dict[TP, Callable[[], PartitionTask]]]
    """How to make the partitions of ours among those assigned."""
