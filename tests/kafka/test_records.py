"""Fetched records up to an unreadable batch, compared with a model, from any offset and with any damage."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record._crecords import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from stream.core.model.unreadable import UnreadableBatch
from stream.kafka.records import CheckedRecords
from tests.kafka.segments import (
    ATTRIBUTES_OFFSET,
    with_flipped_bit,
    with_garbage_payload,
    with_unknown_codec,
    with_valid_crc,
)

PARTITION = TopicPartition("cx.feedback", 0)
COMMIT, ABORT = b"\0\0\0\1", b"\0\0\0\0"
DAMAGES = (
    with_flipped_bit,
    with_unknown_codec,
    *(with_garbage_payload(codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")),
)
NO_TRANSACTION, IN_TRANSACTION, CONTROL = 0, 16, 48
"""Attributes of a batch without a transaction, in one, and of a transaction marker."""


def batch(
    base: int, n: int, codec: int = 0, attributes: int = NO_TRANSACTION, producer: int = -1, key: bytes = b"k"
) -> bytes:
    """Return a batch as a broker stores it."""
    builder = DefaultRecordBatchBuilder(2, codec, int(bool(attributes)), producer, 0, 0, 1 << 20)
    for i in range(n):
        builder.append(i, 1_000, key, b"a value that can be made smaller" * 3, [])
    raw = bytes(builder.build())
    if attributes == CONTROL:
        raw = _with_attributes(raw, CONTROL)
    return base.to_bytes(8, "big") + raw[8:]


def _with_attributes(raw: bytes, attributes: int) -> bytes:
    return with_valid_crc(
        raw[:ATTRIBUTES_OFFSET] + attributes.to_bytes(2, "big") + raw[ATTRIBUTES_OFFSET + 2 :]
    )


def checked_records(raw: bytes, offset: int, aborted: list[tuple[int, int]] | None = None) -> CheckedRecords:
    records = MemoryRecords(raw)
    return CheckedRecords(PARTITION, records, aborted, offset, None, None, True, READ_COMMITTED)


def read_offsets(records: CheckedRecords) -> tuple[list[int], UnreadableBatch | None]:
    """Return the offsets of the records, and the unreadable batch at their end."""
    records_read: list[Any] = list(records)
    end = records_read.pop() if records_read and isinstance(records_read[-1], UnreadableBatch) else None
    return [record.offset for record in records_read], end


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[int, int, Any]]:
    """Draw the batches of a log: base offset, number of records, and damage or None."""
    base, batches = draw(st.integers(0, 5)), []
    for _ in range(draw(st.integers(1, 6))):
        n = draw(st.integers(1, 5))
        batches.append((base, n, draw(st.none() | st.sampled_from(DAMAGES))))
        base += n
    return batches


@given(logs(), st.data())
def test_a_reader_that_skips_reads_every_other_record_once(
    log: list[tuple[int, int, Any]], data: st.DataObject
) -> None:
    """For any damage and any start, also inside a batch."""
    stored = []
    for base, n, change in log:
        raw = batch(base, n, codec=data.draw(st.integers(0, 4)))
        stored.append((base, n, raw if change is None else change(raw)))
    end = log[-1][0] + log[-1][1]
    position = start = data.draw(st.integers(log[0][0], end - 1))
    offsets: list[int] = []
    skipped = 0
    while position < end:
        raw = b"".join(raw for base, n, raw in stored if base + n > position)
        records = checked_records(raw, position)
        offsets_read, unreadable = read_offsets(records)
        offsets += offsets_read
        assert unreadable is not None or records.next_fetch_offset == end
        position = records.next_fetch_offset
        if unreadable is not None:
            skipped += unreadable.records(position)
            position = unreadable.end
    expected = [o for base, n, change in log if change is None for o in range(base, base + n) if o >= start]
    assert offsets == expected
    assert len(offsets) + skipped == end - start


def test_an_unreadable_batch_of_an_aborted_transaction_is_passed_over() -> None:
    """An aborted batch blocks nothing. Without a valid CRC it is not known to be aborted."""
    aborted = [(7, 10)]
    batches = [
        batch(0, 10),
        batch(10, 3, attributes=IN_TRANSACTION, producer=7),
        batch(13, 1, 0, CONTROL, 7, ABORT),
        batch(14, 2, attributes=IN_TRANSACTION, producer=7),  # of its next transaction, which was committed
    ]
    assert read_offsets(checked_records(b"".join(batches), 0, aborted)) == ([*range(10), 14, 15], None)
    with_unknown = [batches[0], with_unknown_codec(batches[1]), *batches[2:]]
    assert read_offsets(checked_records(b"".join(with_unknown), 0, aborted)) == ([*range(10), 14, 15], None)
    read, end = read_offsets(
        checked_records(b"".join([batches[0], with_flipped_bit(batches[1]), *batches[2:]]), 0, aborted)
    )
    assert read == list(range(10))
    assert end == UnreadableBatch(10, 13, "the CRC does not match")


def test_a_transaction_marker_has_no_records() -> None:
    """Skipping it adds nothing to the skipped records."""
    raw = batch(0, 2) + with_flipped_bit(batch(2, 1, 0, CONTROL, 7, COMMIT)) + batch(3, 1)
    read, end = read_offsets(checked_records(raw, 0))
    assert (read, end) == ([0, 1], UnreadableBatch(2, 3, "the CRC does not match", control=True))
    assert end is not None
    assert end.records(2) == 0


@pytest.mark.parametrize("delta", [0, 2, 300])
def test_an_unreadable_batch_ends_where_the_next_begins(delta: int) -> None:
    """The header itself may be damaged, also so that the batch ends inside the next one."""
    raw = batch(5, 4)
    damaged_batch = raw[:23] + delta.to_bytes(4, "big") + raw[27:]
    _, end = read_offsets(checked_records(damaged_batch + batch(9, 1), 5))
    assert end is not None
    assert (end.offset, end.end) == (5, 9)
    assert read_offsets(checked_records(damaged_batch + batch(9, 1), 9)) == ([9], None), (
        "a broker may send it again in front"
    )
    _, unreadable = read_offsets(checked_records(damaged_batch, 5))
    assert unreadable is not None
    assert unreadable.end == 5 + delta + 1


@pytest.mark.parametrize("length", [3, -9])
def test_bytes_that_are_no_batches_are_unreadable(length: int) -> None:
    """The record at the position is reported as unreadable."""
    raw = batch(4, 2)
    read, end = read_offsets(
        checked_records(batch(0, 4) + raw[:8] + length.to_bytes(4, "big", signed=True) + raw[12:], 0)
    )
    assert read == [0, 1, 2, 3]
    assert end is not None
    assert (end.offset, end.end) == (4, 5)
