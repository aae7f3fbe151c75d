"""The decisions of a worker's watch over topics and end offsets."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.kafka.topic_watch import TopicFindings, TopicWatch
from stream.kafka.topics import TopicDescription, topics
from stream.worker import topic_guard
from stream.worker.topic_guard import RestartNeededError, TopicGuard

FEEDBACK = TP("cx.feedback", 0)


class FakeConsumer:
    """A consumer that knows the ends of partitions."""

    def __init__(self, ends: dict[TP, int]) -> None:
        self.ends = ends

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.ends[TP(*tp)] for tp in partitions}


class GuardBench:
    """A guard of a worker that counted 10 records of a partition of feedback and none of tickets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.findings: TopicFindings | None = TopicFindings()
        self.ends = {FEEDBACK: 10}
        owned = {FEEDBACK: 10, TP("cx.tickets", 0): 0}
        tasks = {
            tp: SimpleNamespace(task=SimpleNamespace(next_offset=offset)) for tp, offset in owned.items()
        }
        settings = Settings()
        existing = {spec.name: TopicDescription(12, 1, {}) for spec in topics(settings)}
        manager: Any = SimpleNamespace(tasks=tasks)
        self.guard = TopicGuard(settings, existing, manager)
        self.guard._consumer = FakeConsumer(self.ends)  # type: ignore[assignment]

        async def compare(_watch: TopicWatch) -> TopicFindings | None:
            return self.findings

        async def nothing(*_: object) -> None:
            return None

        monkeypatch.setattr(TopicWatch, "compare", compare)
        monkeypatch.setattr(TopicWatch, "connected", nothing)
        monkeypatch.setattr(topic_guard, "check_group", nothing)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> GuardBench:
    """A guard with a fake broker."""
    return GuardBench(monkeypatch)


async def test_missing_topics_are_a_problem_until_they_exist(bench: GuardBench) -> None:
    """Without a broker the last answer holds."""
    bench.findings = TopicFindings(missing=("cx.feedback",))
    await bench.guard.inspect()
    assert bench.guard.problem == "missing topics: cx.feedback; create them with cxgauge topics create"
    bench.findings = None
    await bench.guard.inspect()
    assert bench.guard.problem
    bench.findings = TopicFindings()
    await bench.guard.inspect()
    assert not bench.guard.problem


@pytest.mark.parametrize("name", ["cx.state.tickets", "cx.panes.customers"])
async def test_missing_state_needs_a_restart(bench: GuardBench, name: str) -> None:
    """A waiting flush would otherwise be the first record of the new topic, and the next start would take it as complete."""
    bench.findings = TopicFindings(missing=("cx.deadletter", name))
    with pytest.raises(RestartNeededError, match=f"^missing topics: {name}$"):
        await bench.guard.inspect()


@pytest.mark.parametrize("name", ["cx.feedback", "cx.state.tickets", "cx.panes.customers"])
async def test_state_does_not_fit_other_topics(bench: GuardBench, name: str) -> None:
    """Inputs that were counted, and everything that the worker wrote."""
    bench.findings = TopicFindings(recreated=(name,))
    with pytest.raises(PreconditionFailed, match=f"created again while this worker ran: {name}"):
        await bench.guard.inspect()


@pytest.mark.parametrize("name", ["cx.tickets", "cx.deadletter"])
async def test_other_topics_need_a_restart_only(bench: GuardBench, name: str) -> None:
    """Nothing that is stored depends on them."""
    bench.findings = TopicFindings(recreated=(name,))
    with pytest.raises(RestartNeededError):
        await bench.guard.inspect()


async def test_an_end_before_the_counted_offset_is_refused_the_second_time(bench: GuardBench) -> None:
    """A new leader may name an older end for a moment."""
    bench.ends[FEEDBACK] = 9
    await bench.guard.inspect()
    bench.ends[FEEDBACK] = 10
    await bench.guard.inspect()
    bench.ends[FEEDBACK] = 9
    await bench.guard.inspect()
    with pytest.raises(
        PreconditionFailed,
        match=r"cx.feedback partition 0: ends at offset 9, but was counted up to offset 10",
    ):
        await bench.guard.inspect()


async def test_more_partitions_are_refused(bench: GuardBench) -> None:
    """The worker would leave out their records. The dead-letter topic may have any number."""
    bench.findings = TopicFindings(repartitioned=("cx.deadletter",))
    await bench.guard.inspect()
    bench.findings = TopicFindings(repartitioned=("cx.feedback",))
    with pytest.raises(
        PreconditionFailed, match=r"partitions has changed: cx.feedback.* the new number and process"
    ):
        await bench.guard.inspect()
