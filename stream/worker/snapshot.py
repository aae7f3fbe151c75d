"""Every partition as it is stored, without taking it from its owner: for audits."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings, client_options
from stream.core.domains import DOMAINS
from stream.core.partition import Partition
from stream.wiring import rules
from stream.worker.loader import consumer_of_state

ATTEMPTS = 20
"""How often a partition that is being written is read on until state and panes are of one flush."""


class Snapshot(NamedTuple):
    """A partition, and what keeps its entities and panes from being compared; empty: nothing."""

    partition: Partition
    obstacle: str


async def snapshots(settings: Settings) -> AsyncIterator[Snapshot]:
    """All partitions of all domains, one after the other. Raises aiokafka's KafkaError."""
    consumer = consumer_of_state(client_options(settings.kafka))
    await consumer.start()
    try:
        for domain in DOMAINS:
            for number in range(settings.topics.partitions):
                partition = Partition(domain, number, settings.topics.partitions, rules(settings))
                yield Snapshot(partition, await _restore(consumer, partition, settings))
    finally:
        await consumer.stop()


async def _restore(consumer: AIOKafkaConsumer, partition: Partition, settings: Settings) -> str:
    """Read state and panes up to one end: of two looks, the second must find no new flush in the panes."""
    name, topics = partition.domain.name, settings.topics
    state = TopicPartition(topics.state(name), partition.number)
    panes = TopicPartition(topics.panes(name), partition.number)

    into: dict[TopicPartition, Callable[[bytes, bytes | None], None]] = {
        state: partition.restore_state,
        panes: partition.restore_panes,
    }
    consumer.assign([state, panes])
    begin = await consumer.beginning_offsets([state, panes])
    for tp in (state, panes):
        consumer.seek(tp, begin[tp])
    for _ in range(ATTEMPTS):
        end = await consumer.end_offsets([state, panes])
        while any([await consumer.position(tp) < end[tp] for tp in end]):
            for tp, records in (await consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    into[tp](record.key, record.value)
        now = await consumer.end_offsets([state, panes])
        if all([await consumer.position(tp) == now[tp] for tp in now]):
            if partition.at.next and partition.at.identity != partition.rules.identity:
                return "counted under other settings: start a worker with these first"
            if reason := partition.unreadable():
                return reason
            partition.ready()
            return ""
    return "written all the time: no moment was found at which both topics were at rest"
