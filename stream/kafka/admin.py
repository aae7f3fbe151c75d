"""Description and creation of topics on the broker."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stream.config import Settings
from stream.errors import CxgaugeError, PreconditionFailed
from stream.kafka.client import client_options
from stream.kafka.topics import TopicDescription, TopicSpec, refusals

METADATA_TIMEOUT = 30
"""Seconds after which a broker must know new topics."""


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield a connected admin client. Raises aiokafka's KafkaConnectionError if no broker answers."""
    client = AIOKafkaAdminClient(**client_options(settings.kafka))
    try:
        await client.start()
        yield client
    finally:
        await client.close()


async def describe(settings: Settings, wanted: Collection[TopicSpec]) -> dict[str, TopicDescription]:
    """Return the actual partitions, replicas and settings of those topics that exist, by name.

    Raises aiokafka's KafkaError.
    """
    async with admin(settings) as client:
        return await _describe(client, {spec.name for spec in wanted})


async def existing_topics(settings: Settings) -> set[str]:
    """Return the names of all topics that this principal may see. It creates none. Raises aiokafka's KafkaError."""
    async with admin(settings) as client:
        return {topic["topic"] for topic in await client.describe_topics()}


async def check_topics(settings: Settings, wanted: Collection[TopicSpec]) -> None:
    """Check topics for differences under which figures would be wrong.

    Raises PreconditionFailed and aiokafka's KafkaError.
    """
    if wrong := refusals(wanted, await describe(settings, wanted)):
        raise PreconditionFailed(
            "topics differ from the configuration, see cxgauge topics check:\n" + "\n".join(wrong)
        )


async def _describe(client: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, TopicDescription]:
    # asking for a topic by name would create it if the broker creates topics automatically
    existing = {topic["topic"]: topic for topic in await client.describe_topics() if topic["topic"] in names}
    if not existing:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in existing]
    configs: dict[str, dict[str, str]] = {}
    for response in await client.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            if code:
                raise for_code(code)(f"{name}: {message}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return {
        name: TopicDescription(
            len(topic["partitions"]),
            min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            configs[name],
        )
        for name, topic in existing.items()
    }


async def create(settings: Settings, wanted: Collection[TopicSpec]) -> list[str]:
    """Create missing topics and return their names. Existing topics are not changed.

    Raises CxgaugeError with a line for each topic that the broker refuses.
    """
    async with admin(settings) as client:
        existing = await _describe(client, {spec.name for spec in wanted})
        new = [
            NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.configs)
            for spec in wanted
            if spec.name not in existing
        ]
        if not new:
            return []
        response = await client.create_topics(new)
        created = _created_names(response.topic_errors)
        await _wait_for_metadata(client, {topic.name for topic in new})
    return created


def _created_names(results: Iterable[tuple[Any, ...]]) -> list[str]:
    created, faults = [], []
    for name, code, *message in results:
        error: type[KafkaError] = for_code(code)
        if not code:
            created.append(name)
        elif error is not TopicAlreadyExistsError:  # another process has created it meanwhile
            faults.append(f"{name}: {error.__name__}: {message[0] if message else error.description}")
    if faults:
        raise CxgaugeError("\n".join(faults))
    return created


async def _wait_for_metadata(client: AIOKafkaAdminClient, names: Collection[str]) -> None:
    """Wait until the connected broker knows new topics, which it learns from the controller."""
    async with asyncio.timeout(METADATA_TIMEOUT):
        while len(await _describe(client, names)) < len(names):  # noqa: ASYNC110 - Kafka sends no event for this
            await asyncio.sleep(0.05)
