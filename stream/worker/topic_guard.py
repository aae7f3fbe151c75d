"""The worker's watch over topics, rights and end offsets while it counts."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.errors import PreconditionFailed, waiting_for
from stream.kafka.client import client_options
from stream.kafka.faults import translated
from stream.kafka.records import Consumer
from stream.kafka.rights import Operation
from stream.kafka.topic_watch import TopicFindings, TopicWatch
from stream.kafka.topics import TopicDescription
from stream.worker.startup import check_group, needs
from stream.worker.task_manager import TaskManager
from stream.worker.topic_binding import COUNT_AGAIN

log = logging.getLogger(__name__)

OFFSETS_TIMEOUT = 20.0
ANEW = "under another topics.state_prefix"


class RestartNeededError(Exception):
    """The worker must start again with the topics as they are now, whose checks decide whether its state fits them."""


class TopicGuard:
    """Compares the topics with those of the worker's start. `problem` says which are missing, and is empty if none is."""

    def __init__(
        self, settings: Settings, described: Mapping[str, TopicDescription], task_manager: TaskManager
    ) -> None:
        names = settings.topics
        self.problem = ""
        self._settings = settings
        self._task_manager = task_manager
        self._stored = {topic(domain) for domain in DOMAINS for topic in (names.state, names.panes)}
        self._counted: set[str] = set()
        """The inputs of which records were counted."""
        self._fallen: set[TP] = set()
        """Inputs that ended before the counted offset in the last comparison."""
        self._consumer: Consumer | None = None
        ids = {name: topic.topic_id for name, topic in described.items()}
        self._watch = TopicWatch(settings.kafka, described, needs(settings), ids)

    async def inspect(self) -> None:
        """Compare once.

        Raises:
            PreconditionFailed: the stored state no longer fits the topics, or a right is missing
            ConfigError: the broker refuses the login
            RestartNeededError: state or panes are missing, or a topic of which nothing was counted was created again
        """
        self._counted |= {tp.topic for tp, owned in self._offsets().items() if owned}
        findings = await self._watch.compare()
        if findings is None:
            return
        self._check(findings)
        problem = waiting_for(findings.missing) if findings.missing else ""
        if problem != self.problem:
            self.problem = problem
            log.error(problem) if problem else log.info("all topics exist")
        if problem:
            return
        try:
            with translated(self._settings.kafka, Operation.READ):
                await check_group(self._settings, await self._watch.connected())
                async with asyncio.timeout(OFFSETS_TIMEOUT):
                    await self._check_ends()
        except (KafkaError, OSError, TimeoutError):
            # the next comparison tries again, and the lag shows that the broker is away
            await self._stop_consumer()

    def _check(self, findings: TopicFindings) -> None:
        if gone := [name for name in findings.missing if name in self._stored]:
            # A flush that waits for the topic would be written as soon as it is created, and would hide that it is empty.
            raise RestartNeededError(f"missing topics: {', '.join(gone)}")
        refused = [name for name in findings.recreated if name in self._stored | self._counted]
        if refused:
            raise PreconditionFailed(
                f"deleted and created again while this worker ran: {', '.join(refused)}. Its state no longer fits. "
                f"{COUNT_AGAIN}"
            )
        fixed = self._stored | {self._settings.topics.input(domain) for domain in DOMAINS}
        if repartitioned := [name for name in findings.repartitioned if name in fixed]:
            raise PreconditionFailed(
                f"the number of partitions has changed: {', '.join(repartitioned)}. topics.partitions is "
                f"{self._settings.topics.partitions}. Kafka removes no partitions: set topics.partitions to the new number and "
                f"process the inputs again {ANEW}"
            )
        if findings.recreated:
            raise RestartNeededError(f"created again: {', '.join(findings.recreated)}")

    def _offsets(self) -> dict[TP, int]:
        return {tp: owned.task.next_offset for tp, owned in self._task_manager.tasks.items()}

    async def _check_ends(self) -> None:
        """Raise PreconditionFailed if an input ends before the counted offset in two comparisons in a row.

        A new leader of a partition may name an older end for a moment.
        """
        offsets = {tp: offset for tp, offset in self._offsets().items() if offset}
        if self._consumer is None:
            self._consumer = Consumer(**client_options(self._settings.kafka), enable_auto_commit=False)
            await self._consumer.start()
        ends = await self._consumer.end_offsets([TopicPartition(*tp) for tp in offsets])
        fallen = {tp for tp, offset in offsets.items() if ends[TopicPartition(*tp)] < offset}
        if again := sorted(fallen & self._fallen):
            tp = again[0]
            raise PreconditionFailed(
                f"{tp.topic} partition {tp.partition}: ends at offset {ends[TopicPartition(*tp)]}, but was counted up to offset "
                f"{offsets[tp]}. Records were lost, or the topic was deleted and created again. Restore the topic, or process "
                f"the inputs again {ANEW}"
            )
        self._fallen = fallen

    async def close(self) -> None:
        """Close the connections."""
        await self._watch.close()
        await self._stop_consumer()

    async def _stop_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(Exception):  # the connection may be broken
                await consumer.stop()
