"""Which fetched records of a bridge are sent, without Kafka."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from stream.bridge.options import BridgeOptions
from stream.bridge.session import BridgeSession
from stream.bridge.translation import Translator
from stream.config import Settings
from stream.core.model.unreadable import UnreadableBatch
from stream.errors import PreconditionFailed
from stream.mapping.mapping import compile_mapping
from tests.bridge.bridges import MAPPING, answer
from tests.support import FakeRecord

TP = TopicPartition("answers", 0)


class FakeWriter:
    """A writer that remembers what was committed, or raises `error`."""

    def __init__(self, next_offset: int = 0, error: Exception | None = None) -> None:
        self.partition, self.next_offset, self.is_revoked, self.error = TP, next_offset, False, error
        self.committed: list[int] = []

    async def write(self, outgoing: list[Any], next_offset: int) -> bool:
        if self.error is not None:
            raise self.error
        if self.is_revoked:
            return False
        self.committed.append(len(outgoing))
        self.next_offset = next_offset
        return True

    async def close(self) -> None:
        pass


class FakeConsumer:
    """A consumer with one fetch, during which `meanwhile` happens."""

    def __init__(self, records: list[Any], meanwhile: Callable[[], object]) -> None:
        self.records, self.meanwhile = records, meanwhile
        self.seeks: list[int] = []

    async def getmany_checked(self, **_: Any) -> dict[TopicPartition, list[Any]]:
        self.meanwhile()
        return {TP: self.records}

    def highwater(self, tp: TopicPartition) -> int | None:
        return {TP: 12}.get(tp)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        assert tp == TP
        self.seeks.append(offset)


def records(*offsets: int) -> list[Any]:
    """Return records that can be mapped."""
    return [FakeRecord(n, 1, None, answer(n)) for n in offsets]


def session_of(
    writers: dict[TopicPartition, FakeWriter],
    fetched: list[Any],
    meanwhile: Callable[[BridgeSession], object] = lambda _: None,
) -> tuple[BridgeSession, FakeConsumer]:
    """Return a session with writers, and its consumer."""
    options = BridgeOptions("answers", "g", "beginning", "now", once=False)
    translator = Translator(compile_mapping(MAPPING, "m.toml"), "now")
    sessions: list[BridgeSession] = []
    consumer = FakeConsumer(fetched, lambda: meanwhile(sessions[0]))
    session = BridgeSession(Settings(), options, translator, {}, consumer)  # type: ignore[arg-type]
    sessions.append(session)
    session._writers = writers  # type: ignore[assignment]
    return session, consumer


async def test_records_that_follow_the_committed_ones_are_sent() -> None:
    """Offsets may be missing in between: markers of transactions, compacted records."""
    writer = FakeWriter(next_offset=4)
    session, consumer = session_of({TP: writer}, records(5, 7))
    await session._step()
    assert (writer.committed, writer.next_offset, consumer.seeks) == ([2], 8, [])
    assert session.counts.mapped == 2


async def test_a_fetch_that_overlaps_an_assignment_is_repeated() -> None:
    """Nobody knows whether its records follow the committed offset of the new writer."""
    former, writer = FakeWriter(next_offset=4), FakeWriter(next_offset=9)
    for before in ({}, {TP: former}):
        session, consumer = session_of(
            dict(before), records(10, 11), lambda session: session._writers.update({TP: writer})
        )
        await session._step()
        assert (former.committed, writer.committed, consumer.seeks) == ([], [], [9])
        assert session.counts.mapped == 0


async def test_records_before_the_committed_offset_are_never_sent() -> None:
    writer = FakeWriter(next_offset=4)
    session, consumer = session_of({TP: writer}, records(3, 4))
    await session._step()
    assert (writer.committed, consumer.seeks) == ([], [4])


async def test_records_of_a_revoked_partition_are_dropped() -> None:
    writer = FakeWriter()
    session, consumer = session_of({TP: writer}, records(0), lambda session: session._writers.clear())
    await session._step()
    assert (writer.committed, consumer.seeks) == ([], [])


async def test_an_aborted_transaction_is_not_counted() -> None:
    writer = FakeWriter()
    session, _ = session_of({TP: writer}, records(0), lambda _: setattr(writer, "is_revoked", True))
    await session._step()
    assert (session.counts.mapped, writer.next_offset) == (0, 0)


async def test_a_revocation_waits_for_a_transaction() -> None:
    """It marks the writer first, so that the transaction is aborted."""
    writer = FakeWriter()
    session, _ = session_of({TP: writer}, [])
    async with session._writing:
        revoking = asyncio.create_task(session.on_partitions_revoked({TP}))
        await asyncio.sleep(0)
        assert writer.is_revoked
        assert session._writers == {TP: writer}
    await revoking
    assert session._writers == {}


async def test_the_records_before_an_unreadable_batch_are_sent() -> None:
    """Then the bridge ends, and names the offset after the batch."""
    writer = FakeWriter()
    session, _ = session_of({TP: writer}, [*records(0, 1), UnreadableBatch(2, 5, "damaged", False)])
    with pytest.raises(PreconditionFailed, match=r"offset 2 cannot be read: damaged\..* group g to 5"):
        await session._step()
    assert (writer.committed, writer.next_offset) == ([2], 2)


async def test_of_several_errors_a_takeover_is_reported() -> None:
    other = TopicPartition("answers", 1)
    errors: list[Exception] = [KafkaError("lost"), ProducerFenced()]
    writers = {tp: FakeWriter(error=error) for tp, error in zip((TP, other), errors, strict=True)}
    session, consumer = session_of(writers, [])

    async def both(**_: Any) -> dict[TopicPartition, list[Any]]:
        return {TP: records(0), other: records(0)}

    consumer.getmany_checked = both  # type: ignore[method-assign]
    with pytest.raises(ProducerFenced):
        await session._step()


async def test_the_lag_is_that_of_the_assigned_partitions() -> None:
    """A partition whose end is not known yet has none."""
    unknown = TopicPartition("answers", 1)
    session, _ = session_of({TP: FakeWriter(next_offset=5), unknown: FakeWriter()}, [])
    assert session.lag() == 7
