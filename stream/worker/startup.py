"""Checks before counting: the broker answers, topics match the configuration, rights suffice, transactions work."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IncompatibleBrokerVersion,
    KafkaError,
    NotCoordinatorForGroupError,
    UnsupportedVersionError,
)

from stream.config import Settings
from stream.errors import PreconditionFailed, TopicsMissing
from stream.kafka.admin import check_topics
from stream.kafka.client import QuietLibrary, client_options, connect
from stream.kafka.faults import retry_reason
from stream.kafka.metadata import group_operations
from stream.kafka.rights import READ, WRITE, Needs, Operation, denied, lacking, needs_of
from stream.kafka.topics import TopicDescription, counting_topics
from stream.worker.health import Health

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds between attempts to reach the broker."""
COORDINATOR_TIMEOUT = 20.0
"""Seconds in which a broker must create its internal topic of groups."""


def needs(settings: Settings) -> Needs:
    """Return the operations that a worker needs on topics."""
    both = {*READ, *WRITE}
    by_role = {"input": both, "compacted": both, "deadletter": WRITE, "comments": WRITE}
    return needs_of(counting_topics(settings), by_role)


async def prepare(settings: Settings, health: Health) -> Mapping[str, TopicDescription]:
    """Wait until the broker answers and the topics exist, and return the topics.

    Raises PreconditionFailed, and ConfigError if the broker refuses the login.
    """
    while True:
        health.heartbeat()
        try:
            with QuietLibrary():
                return await check(settings)
        except TopicsMissing as error:
            reason = error.waiting
        except (KafkaError, OSError, TimeoutError) as error:
            reason = await retry_reason(settings.kafka, error)
        if reason != health.reason:
            health.reason = reason
            log.warning(reason)
        await asyncio.sleep(RETRY_INTERVAL)


async def check(settings: Settings) -> Mapping[str, TopicDescription]:
    """Return the topics.

    Raises PreconditionFailed for missing or differing topics, for missing rights and for a broker without transactions.
    """
    described = await check_topics(settings, counting_topics(settings), needs(settings))
    client = await connect(settings.kafka)
    try:
        await check_group(settings, client)
    finally:
        await client.close()
    await _try_transaction(f"{settings.worker.group}-startup", client_options(settings.kafka))
    return described


async def check_group(settings: Settings, client: AIOKafkaClient) -> None:
    """Raise PreconditionFailed if the principal may not join the group. Waits until the broker has groups."""
    async with asyncio.timeout(COORDINATOR_TIMEOUT):
        while True:
            try:
                operations = await group_operations(client, settings.worker.group)
            except (
                GroupCoordinatorNotAvailableError,
                GroupLoadInProgressError,
                NotCoordinatorForGroupError,
            ):
                await asyncio.sleep(0.1)
            else:
                break
    if operations is not None and not operations >> Operation.READ & 1:
        raise denied([lacking(settings.kafka, [Operation.READ], f"group {settings.worker.group}")])


async def _try_transaction(name: str, options: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(**options, transactional_id=name, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(20):
            await producer.start()
    except (UnsupportedVersionError, IncompatibleBrokerVersion) as error:
        raise PreconditionFailed(
            "the broker has no transactions (InitProducerId), which counting exactly once needs"
        ) from error
    finally:
        await producer.stop()
