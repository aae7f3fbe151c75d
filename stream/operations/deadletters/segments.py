"""New segments: Kafka deletes files, and what is appended to goes on living with everything that was before."""

from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from stream.config import Settings
from stream.kafka.admin import admin

AT_ONCE = {"segment.ms": "1", "segment.jitter.ms": "0"}
"""Under these the next record begins a segment."""
_OF_THE_TOPIC = 1
"""The source of a setting that was made for the topic, in a description."""


async def new_segments(
    settings: Settings, producer: AIOKafkaProducer, tps: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Have these partitions of one topic begin new segments; their first offsets, none when the broker forbids it.

    Its settings are for a moment others; a record of a transaction that is aborted, stamped with the present, does it.
    """
    topic = tps[0].topic
    async with admin(settings) as client:
        try:
            overrides = await _topic_overrides(client, topic)
            await _alter(client, topic, {**overrides, **AT_ONCE})
        except KafkaError:
            return {}
        try:
            await producer.begin_transaction()
            sent = [await producer.send_and_wait(topic, b"", partition=tp.partition) for tp in tps]
            await producer.abort_transaction()
        finally:
            await _alter(client, topic, overrides)
    return {metadata.topic_partition: metadata.offset for metadata in sent}


async def _topic_overrides(client: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    """The settings made for a topic, but for what a purge that was killed has left."""
    values: dict[str, str] = {}
    for response in await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]):
        for code, message, _, _, entries in response.resources:
            if code:
                raise for_code(code)(message)
            values.update({name: value for name, value, _, source, *_ in entries if source == _OF_THE_TOPIC})
    return {name: value for name, value in values.items() if AT_ONCE.get(name) != value}


async def _alter(client: AIOKafkaAdminClient, topic: str, configs: Mapping[str, str]) -> None:
    """Replace the settings made for a topic."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(configs))
    for response in await client.alter_configs([resource]):
        for code, message, *_ in response.resources:
            if code:
                raise for_code(code)(message)
