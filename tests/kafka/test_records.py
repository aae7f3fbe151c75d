"""Fetched records up to a batch that cannot be read: against a model, from any offset, damaged in any way."""

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
from tests.kafka.segments import ATTRIBUTES_AT, flipped, of_garbage, of_unknown_codec, sealed

HERE = TopicPartition("cx.feedback", 0)
COMMIT, ABORT = b"\0\0\0\1", b"\0\0\0\0"
DAMAGES = (
    flipped,
    of_unknown_codec,
    *(of_garbage(codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")),
)
PLAIN, OPEN, CONTROL = 0, 16, 48
"""Attributes of a batch without transaction, in one, and of its marker."""


def batch(
    base: int, n: int, codec: int = 0, attributes: int = PLAIN, producer: int = -1, key: bytes = b"k"
) -> bytes:
    """A batch as a broker stores it."""
    builder = DefaultRecordBatchBuilder(2, codec, int(bool(attributes)), producer, 0, 0, 1 << 20)
    for i in range(n):
        builder.append(i, 1_000, key, b"a value that can be made smaller" * 3, [])
    raw = bytes(builder.build())
    if attributes == CONTROL:
        raw = _with_attributes(raw, CONTROL)
    return base.to_bytes(8, "big") + raw[8:]


def _with_attributes(raw: bytes, attributes: int) -> bytes:
    return sealed(raw[:ATTRIBUTES_AT] + attributes.to_bytes(2, "big") + raw[ATTRIBUTES_AT + 2 :])


def fetched(raw: bytes, offset: int, aborted: list[tuple[int, int]] | None = None) -> CheckedRecords:
    records = MemoryRecords(raw)
    return CheckedRecords(HERE, records, aborted, offset, None, None, True, READ_COMMITTED)


def offsets(records: CheckedRecords) -> tuple[list[int], UnreadableBatch | None]:
    """Offsets of the records, and the unreadable batch at their end."""
    found: list[Any] = list(records)
    end = found.pop() if found and isinstance(found[-1], UnreadableBatch) else None
    return [record.offset for record in found], end


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[int, int, Any]]:
    """Base offset, number of records and damage (None: none) of the batches of a log."""
    base, made = draw(st.integers(0, 5)), []
    for _ in range(draw(st.integers(1, 6))):
        n = draw(st.integers(1, 5))
        made.append((base, n, draw(st.none() | st.sampled_from(DAMAGES))))
        base += n
    return made


@given(logs(), st.data())
def test_a_reader_that_skips_reads_every_other_record_once(
    log: list[tuple[int, int, Any]], data: st.DataObject
) -> None:
    """Whatever is damaged, and wherever the reader begins: in the middle of a batch, too."""
    stored = []
    for base, n, change in log:
        raw = batch(base, n, codec=data.draw(st.integers(0, 4)))
        stored.append((base, n, raw if change is None else change(raw)))
    last = log[-1][0] + log[-1][1]
    position = begin = data.draw(st.integers(log[0][0], last - 1))
    read: list[int] = []
    skipped = 0
    while position < last:
        raw = b"".join(raw for base, n, raw in stored if base + n > position)
        records = fetched(raw, position)
        some, unreadable = offsets(records)
        read += some
        assert unreadable is not None or records.next_fetch_offset == last
        position = records.next_fetch_offset
        if unreadable is not None:
            skipped += unreadable.records(position)
            position = unreadable.end
    good = [o for base, n, change in log if change is None for o in range(base, base + n) if o >= begin]
    assert read == good
    assert len(read) + skipped == last - begin


def test_a_batch_of_an_aborted_transaction_need_not_be_readable() -> None:
    """Nobody reads what is in it, so it blocks nothing; without its CRC it cannot be known to be one."""
    aborted = [(7, 10)]
    good = [
        batch(0, 10),
        batch(10, 3, attributes=OPEN, producer=7),
        batch(13, 1, 0, CONTROL, 7, ABORT),
        batch(14, 2, attributes=OPEN, producer=7),  # of its next transaction, which was committed
    ]
    assert offsets(fetched(b"".join(good), 0, aborted)) == ([*range(10), 14, 15], None)
    unknown = [good[0], of_unknown_codec(good[1]), *good[2:]]
    assert offsets(fetched(b"".join(unknown), 0, aborted)) == ([*range(10), 14, 15], None)
    read, end = offsets(fetched(b"".join([good[0], flipped(good[1]), *good[2:]]), 0, aborted))
    assert read == list(range(10))
    assert end == UnreadableBatch(10, 13, "the CRC does not match")


def test_a_marker_of_a_transaction_holds_no_records() -> None:
    """Skipping it counts nothing as skipped."""
    raw = batch(0, 2) + flipped(batch(2, 1, 0, CONTROL, 7, COMMIT)) + batch(3, 1)
    read, end = offsets(fetched(raw, 0))
    assert (read, end) == ([0, 1], UnreadableBatch(2, 3, "the CRC does not match", control=True))
    assert end is not None
    assert end.records(2) == 0


@pytest.mark.parametrize("delta", [0, 2, 300])
def test_the_end_of_a_batch_is_the_begin_of_the_next(delta: int) -> None:
    """Its own header may be what is damaged; so is a length by which it ends within the next one."""
    raw = batch(5, 4)
    wrong = raw[:23] + delta.to_bytes(4, "big") + raw[27:]
    _, end = offsets(fetched(wrong + batch(9, 1), 5))
    assert end is not None
    assert (end.offset, end.end) == (5, 9)
    assert offsets(fetched(wrong + batch(9, 1), 9)) == ([9], None), "a broker may send it again in front"
    _, alone = offsets(fetched(wrong, 5))
    assert alone is not None
    assert alone.end == 5 + delta + 1


@pytest.mark.parametrize("length", [3, -9])
def test_bytes_that_are_no_batches(length: int) -> None:
    """The record at the position is said to be unreadable."""
    raw = batch(4, 2)
    read, end = offsets(fetched(batch(0, 4) + raw[:8] + length.to_bytes(4, "big", signed=True) + raw[12:], 0))
    assert read == [0, 1, 2, 3]
    assert end is not None
    assert (end.offset, end.end) == (4, 5)
