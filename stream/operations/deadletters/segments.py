"""Beginning new segments, because Kafka deletes whole files and never the one that it appends to."""

from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from stream.config import Settings
from stream.kafka.admin import admin

ROLL_AT_ONCE = {"segment.ms": "1", "segment.jitter.ms": "0"}
"""Topic settings under which the next record begins a segment."""
_TOPIC_CONFIG_SOURCE = 1
"""The source of a setting of the topic itself, in DescribeConfigs responses."""


async def new_segments(
    settings: Settings, producer: AIOKafkaProducer, tps: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Begin new segments in partitions of one topic. Return their first offsets, none if the broker refuses.

    The topic's settings change for a moment, and a record of an aborted transaction with the present
    timestamp begins the segment.
    """
    topic = tps[0].topic
    async with admin(settings) as client:
        try:
            overrides = await _topic_overrides(client, topic)
            await _alter(client, topic, {**overrides, **ROLL_AT_ONCE})
        except KafkaError:
            return {}
        try:
            await producer.begin_transaction()
            first_records = [await producer.send_and_wait(topic, b"", partition=tp.partition) for tp in tps]
            await producer.abort_transaction()
        finally:
            await _alter(client, topic, overrides)
    return {metadata.topic_partition: metadata.offset for metadata in first_records}


async def _topic_overrides(client: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    """Return the settings of the topic itself, without those that a killed purge has left."""
    values: dict[str, str] = {}
    for response in await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]):
        for code, message, _, _, entries in response.resources:
            if code:
                raise for_code(code)(message)
            values.update(
                {name: value for name, value, _, source, *_ in entries if source == _TOPIC_CONFIG_SOURCE}
            )
    return {name: value for name, value in values.items() if ROLL_AT_ONCE.get(name) != value}


async def _alter(client: AIOKafkaAdminClient, topic: str, configs: Mapping[str, str]) -> None:
    """Replace the settings of the topic itself."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(configs))
    for response in await client.alter_configs([resource]):
        for code, message, *_ in response.resources:
            if code:
                raise for_code(code)(message)
