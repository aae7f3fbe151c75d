"""Following compacted topics: when they are read again, and what is reported meanwhile. Without a broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.kafka import following
from stream.kafka.following import TopicFollower
from stream.kafka.reading import OffsetRange
from tests.support import FakeRecord

PARTITION = TopicPartition("t", 0)
UNREAD = "the things are not read yet"
Step = list[FakeRecord] | Exception | Callable[["Collector"], None]
"""A fetch with records, an error of one, or anything that happens during one."""


class Collector(TopicFollower):
    """A follower that notes its records since the beginning, and every reason that it gave."""

    subject = "things"

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.beginnings = 0
        self.reasons: list[str] = []
        super().__init__(Settings(), ["t"])

    def begin(self) -> None:
        self.values = []
        self.beginnings += 1

    def apply(self, tp: TopicPartition, record: Any) -> None:
        assert tp == PARTITION
        if record.value == b"damaged":
            raise ValueError("damaged")
        self.values.append(record.value)


class Consumer:
    """A consumer that takes the steps of a script, and then stops the follower."""

    def __init__(self, script: list[Step], follower: Collector, done: asyncio.Event) -> None:
        self.script, self.follower, self.done = script, follower, done
        self.next = 0

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.next = offset

    async def position(self, _: TopicPartition) -> int:
        return self.next

    async def getmany(self, **_: int) -> dict[TopicPartition, list[FakeRecord]]:
        self.follower.reasons.append(self.follower.reason)
        if not self.script:
            self.done.set()
            await asyncio.Event().wait()
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if not isinstance(step, list):
            step(self.follower)
            return {}
        self.next = step[-1].offset + 1
        return {PARTITION: step}


def written(*offsets: int) -> list[FakeRecord]:
    return [FakeRecord(offset, 0, b"k", b"%d" % offset) for offset in offsets]


async def follow(
    monkeypatch: pytest.MonkeyPatch, script: list[Step], checks: list[Exception | None]
) -> Collector:
    """Return a follower after a script. `checks` are the results of the first checks of the topics."""
    follower, done = Collector(), asyncio.Event()

    @asynccontextmanager
    async def running(consumer: Consumer) -> AsyncIterator[Consumer]:
        yield consumer

    async def check(*_: object) -> None:
        if checks and (error := checks.pop(0)) is not None:
            raise error

    async def assign(*_: object) -> dict[TopicPartition, OffsetRange]:
        return {PARTITION: OffsetRange(0, 3)}

    monkeypatch.setattr(following, "running", running)
    monkeypatch.setattr(following, "check_readable", check)
    monkeypatch.setattr(following, "assign", assign)
    monkeypatch.setattr(following, "committed_consumer", lambda *_, **__: Consumer(script, follower, done))
    monkeypatch.setattr(following, "RETRY_INTERVAL", 0)
    running_task = asyncio.create_task(follower.run())
    await asyncio.wait_for(done.wait(), 10)
    running_task.cancel()
    with suppress(asyncio.CancelledError):
        await running_task
    return follower


async def test_progress_until_the_end_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was written before the start is read before nothing is missing. Then it follows."""
    follower = await follow(monkeypatch, [written(0), written(1), written(2), written(3, 4)], [])
    assert follower.reasons == [
        UNREAD,
        "the things are being read, 33 % so far",
        "the things are being read, 66 % so far",
        "",
        "",
    ]
    assert follower.values == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (KafkaConnectionError("gone"), "the things cannot be read: KafkaConnectionError"),
        (PreconditionFailed("unreadable\nbatch"), "unreadable; batch"),
        (RuntimeError("bug"), "the things cannot be read: RuntimeError"),
        ([FakeRecord(3, 0, b"k", b"damaged")], "a record of the things cannot be read: damaged"),
    ],
)
async def test_an_error_begins_again(monkeypatch: pytest.MonkeyPatch, step: Step, reason: str) -> None:
    """And is the reason until everything is read."""
    follower = await follow(monkeypatch, [written(0, 1, 2), step, written(0, 1, 2)], [])
    assert follower.reasons[-2:] == [reason, ""]
    assert follower.values == [b"0", b"1", b"2"]


async def test_missing_topics_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = PreconditionFailed("missing topics: t")
    follower = await follow(monkeypatch, [written(0, 1, 2)], [missing, missing])
    assert follower.reasons == ["missing topics: t", ""]


@pytest.mark.parametrize("cause", [written(0), TopicFollower.restart])
async def test_topics_that_were_created_again_are_read_again(
    monkeypatch: pytest.MonkeyPatch, cause: Step
) -> None:
    """Whether an older offset shows it, or somebody says so."""
    follower = await follow(monkeypatch, [written(0, 1, 2), cause, written(0, 1, 2)], [])
    assert follower.values == [b"0", b"1", b"2"]
    assert follower.beginnings == 2
    assert follower.reasons == [UNREAD, "", UNREAD, ""]


async def test_tombstones_may_be_gone_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 1, following.REREAD_AFTER + 2, following.REREAD_AFTER + 3, following.REREAD_AFTER + 4])
    monkeypatch.setattr(following, "monotonic_ms", lambda: next(clock))
    follower = await follow(monkeypatch, [written(0, 1, 2), written(3), written(0, 1, 2)], [])
    assert follower.values == [b"0", b"1", b"2"]
    assert follower.beginnings == 2
