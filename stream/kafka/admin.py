"""Description and creation of topics on the broker."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from stream.config import Settings
from stream.errors import CxgaugeError, PreconditionFailed, TopicsMissing
from stream.kafka.client import QuietLibrary, client_options
from stream.kafka.metadata import cluster_topics
from stream.kafka.rights import CHECK, Needs, Operation, check_rights, denied, lacking
from stream.kafka.topics import TopicDescription, TopicSpec, refusals

METADATA_TIMEOUT = 30
"""Seconds after which a broker must know new topics."""


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield a connected admin client. Raises aiokafka's KafkaConnectionError if no broker answers."""
    client = AIOKafkaAdminClient(**client_options(settings.kafka))
    try:
        with QuietLibrary():
            await client.start()
        yield client
    finally:
        await client.close()


async def describe(
    settings: Settings, wanted: Collection[TopicSpec], needs: Needs | None = None
) -> dict[str, TopicDescription]:
    """Return the actual partitions, replicas and settings of those topics that exist, by name.

    `needs` are the operations that the caller needs, by topic. None for those of a comparison, on every topic.

    Raises PreconditionFailed if one is not permitted, and aiokafka's KafkaError.
    """
    async with admin(settings) as client:
        return await _describe(settings, client, wanted, needs)


async def existing_topics(settings: Settings) -> set[str]:
    """Return the names of all topics that this principal may see. It creates none. Raises aiokafka's KafkaError."""
    async with admin(settings) as client:
        return {topic["topic"] for topic in await client.describe_topics()}


async def check_topics(
    settings: Settings, wanted: Collection[TopicSpec], needs: Needs | None = None
) -> dict[str, TopicDescription]:
    """Check topics for differences under which figures would be wrong, and return them. `needs` as in `describe`.

    Raises TopicsMissing if topics are missing and nothing else is wrong, PreconditionFailed and aiokafka's KafkaError.
    """
    described = await describe(settings, wanted, needs)
    if wrong := refusals(wanted, described):
        text = "topics differ from the configuration, see cxgauge topics check:\n" + "\n".join(wrong)
        missing = [spec.name for spec in wanted if spec.name not in described]
        raise TopicsMissing(text, missing) if len(missing) == len(wrong) else PreconditionFailed(text)
    return described


async def _describe(
    settings: Settings, client: AIOKafkaAdminClient, wanted: Collection[TopicSpec], needs: Needs | None
) -> dict[str, TopicDescription]:
    wanted_names = [spec.name for spec in wanted]
    topics = await cluster_topics(client._client, wanted_names)  # noqa: SLF001 - the only client with this request
    check_rights(settings.kafka, topics, dict.fromkeys(wanted_names, CHECK) if needs is None else needs)
    if not topics.existing:
        return {}
    configs = await _configs(settings, client, topics.existing)
    return {
        name: TopicDescription(topic.partitions, topic.replicas, configs[name], topic.topic_id)
        for name, topic in topics.existing.items()
    }


async def _configs(
    settings: Settings, client: AIOKafkaAdminClient, names: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Return the settings of topics by topic."""
    configs: dict[str, dict[str, str]] = {}
    denials = []
    for response in await client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    ):
        for code, message, _, name, entries in response.resources:
            if code == TopicAuthorizationFailedError.errno:
                denials.append(lacking(settings.kafka, [Operation.DESCRIBE_CONFIGS], f"topic {name}"))
            elif code:
                raise for_code(code)(f"{name}: {message}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    if denials:
        raise denied(denials)
    return configs


async def create(settings: Settings, wanted: Collection[TopicSpec]) -> list[str]:
    """Create missing topics and return their names. Existing topics are not changed.

    Raises CxgaugeError with a line for each topic that the broker refuses, PreconditionFailed if a right is missing.
    """
    async with admin(settings) as client:
        existing = await _describe(settings, client, wanted, None)
        new = [
            NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.configs)
            for spec in wanted
            if spec.name not in existing
        ]
        if not new:
            return []
        response = await client.create_topics(new)
        created = _created_names(settings, response.topic_errors)
        await _wait_for_metadata(client, {topic.name for topic in new})
    return created


def _created_names(settings: Settings, results: Iterable[tuple[Any, ...]]) -> list[str]:
    created, faults, denials = [], [], []
    for name, code, *message in results:
        error: type[KafkaError] = for_code(code)
        if not code:
            created.append(name)
        elif error in (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
            denials.append(lacking(settings.kafka, [Operation.CREATE], f"topic {name}"))
        elif error is not TopicAlreadyExistsError:  # another process has created it meanwhile
            faults.append(f"{name}: {error.__name__}: {message[0] if message else error.description}")
    if denials:
        raise denied([*faults, *denials])
    if faults:
        raise CxgaugeError("\n".join(faults))
    return created


async def _wait_for_metadata(client: AIOKafkaAdminClient, names: Collection[str]) -> None:
    """Wait until the connected broker knows new topics, which it learns from the controller."""
    async with asyncio.timeout(METADATA_TIMEOUT):
        while (await cluster_topics(client._client, names)).missing:  # noqa: ASYNC110, SLF001 - Kafka sends no event for this
            await asyncio.sleep(0.05)
