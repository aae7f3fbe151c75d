"""Fetched records up to the first unreadable batch, which takes the position of its records.

aiokafka raises in the middle of a partition's records. It then loses the records before the batch and those
of other partitions in the same fetch, although its position is after them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException

from stream.core.model.unreadable import UnreadableBatch, end_of
from stream.errors import PreconditionFailed


class DamagedError(Exception):
    """A batch contradicts its header."""


class CheckedRecords(PartitionRecords):
    """The records of a fetch. The last one is an `UnreadableBatch` if a batch cannot be read.

    The position stays at that batch, so the next fetch begins with it.
    """

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        batches = self._batches()
        batch = next(batches, None)
        while batch is not None:
            records, fault = self._read_or_fault(batch)
            next_batch = next(batches, None) if fault else None
            if fault:
                unreadable = _unreadable(batch, next_batch, fault, self.next_fetch_offset)
                if unreadable.end > self.next_fetch_offset:
                    yield unreadable
                    return
            for record in records:
                if record.offset >= self.next_fetch_offset:  # a fetch may begin in the middle of a batch
                    self.next_fetch_offset = record.offset + 1
                    yield self._consumer_record(self._tp, record)
            if not fault:
                self.next_fetch_offset = batch.next_offset
            batch = next_batch if fault else next(batches, None)

    def _batches(self) -> Iterator[Any]:
        """Yield all batches, then an exception if the remaining bytes cannot be divided into batches."""
        while self._records.has_next():
            try:
                batch = self._records.next_batch()
            except CorruptRecordException as error:
                yield error
                return
            yield batch

    def _read_or_fault(self, batch: Any) -> tuple[Iterable[Any], str]:
        """Return the records of a batch and an empty text, or no records and the fault."""
        try:
            return self._read(batch), ""
        except Exception as error:  # noqa: BLE001 - decoders raise exceptions of any type
            return (), str(error) or type(error).__name__

    def _read(self, batch: Any) -> Iterable[Any]:
        """Return all records of a batch. Control batches and aborted transactions have none."""
        if isinstance(batch, Exception):
            raise batch
        if self._check_crcs and not batch.validate_crc():
            raise DamagedError("the CRC does not match")
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return ()
        if batch.is_control_batch:
            return ()
        records = list(batch)
        if (
            records
            and not getattr(batch, "base_offset", 0)
            <= records[0].offset
            <= records[-1].offset
            < batch.next_offset
        ):
            raise DamagedError("offsets of records are outside the range of the batch")
        return records


def _unreadable(batch: Any, next_batch: Any, fault: str, position: int) -> UnreadableBatch:
    """Describe a batch by its header and the next batch. Without either it is the record at the position."""
    base = getattr(batch, "base_offset", position)
    next_base = getattr(next_batch, "base_offset", None)
    return UnreadableBatch(
        base,
        end_of(
            base,
            getattr(batch, "next_offset", base),
            next_base if next_base is not None and next_base > base else None,
        ),
        fault,
        bool(getattr(batch, "is_control_batch", False)),
    )


def check_records() -> None:
    """Make every consumer of this process return checked records."""
    if not issubclass(fetcher.PartitionRecords, CheckedRecords):
        fetcher.PartitionRecords = CheckedRecords


class Consumer(AIOKafkaConsumer):
    """A consumer for topics that must be read completely, which raises PreconditionFailed otherwise."""

    def __init__(self, **options: Any) -> None:
        check_records()
        super().__init__(**options)

    async def getmany_checked(
        self, *partitions: TopicPartition, **options: Any
    ) -> dict[TopicPartition, list[Any]]:
        """Return records by partition. The last one may be an `UnreadableBatch`."""
        fetched: dict[TopicPartition, list[Any]] = await super().getmany(*partitions, **options)
        return fetched

    async def getmany(self, *partitions: TopicPartition, **options: Any) -> dict[TopicPartition, list[Any]]:
        """Return records by partition. Raises PreconditionFailed with the position of an unreadable batch."""
        fetched = await self.getmany_checked(*partitions, **options)
        for tp, records in fetched.items():
            if (unreadable := unreadable_end(records)) is not None:
                raise PreconditionFailed(described(tp, unreadable))
        return fetched


def unreadable_end(records: list[Any]) -> UnreadableBatch | None:
    """Return the unreadable batch at the end of fetched records, None if there is none."""
    return records[-1] if records and isinstance(records[-1], UnreadableBatch) else None


def described(tp: TopicPartition, unreadable: UnreadableBatch) -> str:
    """Return a sentence with the position of an unreadable batch and the reason."""
    return f"{tp.topic} partition {tp.partition}: the batch at offset {unreadable.offset} cannot be read: {unreadable.reason}"
