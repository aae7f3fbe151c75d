"""Waiting for the broker and the topics before a bridge reads."""

import asyncio
import logging
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import DOMAINS
from stream.bridge.options import BridgeOptions
from stream.bridge.retention import Retentions
from stream.config import Settings
from stream.errors import TopicsMissing, waiting_for
from stream.kafka.admin import describe
from stream.kafka.client import QuietLibrary, connect
from stream.kafka.faults import retry_reason
from stream.kafka.metadata import cluster_topics
from stream.kafka.rights import WRITE, Operation, check_rights
from stream.kafka.topics import topics

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds between two looks at a broker that cannot be reached, or at topics that are missing."""


class Prepared(NamedTuple):
    """The partitions of the source topic, and how long the inputs keep records."""

    partitions: list[TopicPartition]
    retentions: Retentions


async def inspect_topics(settings: Settings, options: BridgeOptions) -> Prepared:
    """Return the properties of the topics.

    Raises:
        TopicsMissing: the source, an input or the dead-letter topic does not exist
        PreconditionFailed: a right is missing
        KafkaError: of aiokafka
    """
    wanted = [spec for spec in topics(settings) if spec.role in ("input", "deadletter")]
    described = await describe(settings, wanted, dict.fromkeys((spec.name for spec in wanted), WRITE))
    if missing := [spec.name for spec in wanted if spec.name not in described]:
        raise TopicsMissing(waiting_for(missing), missing)
    client = await connect(settings.kafka)
    try:
        source = await cluster_topics(client, [options.topic])
    finally:
        await client.close()
    check_rights(settings.kafka, source, {options.topic: [Operation.READ]})
    if options.topic not in source.existing:
        raise TopicsMissing(f"missing topic: {options.topic}, which is to be read", [options.topic])
    names = {domain: settings.topics.input(domain) for domain in DOMAINS}
    return Prepared(
        [
            TopicPartition(options.topic, number)
            for number in range(source.existing[options.topic].partitions)
        ],
        {domain: int(described[name].configs["retention.ms"]) for domain, name in names.items()},
    )


async def prepare(settings: Settings, options: BridgeOptions, stopping: asyncio.Event) -> Prepared | None:
    """Wait until the broker answers and the topics exist. Return None if `stopping` came first.

    Logs each reason to wait once. With `options.once` nothing is waited for: raises as `inspect_topics` does. Raises
    CxgaugeError for a missing right and a refused login.
    """
    logged = ""
    while not stopping.is_set():
        try:
            with QuietLibrary():
                return await inspect_topics(settings, options)
        except TopicsMissing as error:
            if options.once:
                raise
            reason = str(error)
        except (KafkaError, OSError, TimeoutError) as error:
            if options.once:
                raise
            reason = await retry_reason(settings.kafka, error)
        if reason != logged:
            logged = reason
            log.warning("Waiting: %s", reason)
        await wait_or_stop(stopping, RETRY_INTERVAL)
    return None


async def wait_or_stop(stopping: asyncio.Event, seconds: float) -> None:
    """Return after some seconds, or as soon as `stopping` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass
