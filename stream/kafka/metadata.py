"""Topics as a broker describes them to this client: IDs, partitions, and the operations that the client may use.

aiokafka has neither the versions of the Metadata request with IDs and operations, nor the response of DescribeGroups
with operations. Both are defined at https://kafka.apache.org/protocol.
"""

from collections.abc import Collection
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v4
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from stream.config.settings import Kafka
from stream.kafka.client import connect

UNKNOWN_OPERATIONS = -(1 << 31)
"""The operations in responses of brokers that do not compute them."""
NO_ID = bytes(16)
"""The ID of topics of brokers before 2.8, and of missing topics."""


class TopicMetadata(NamedTuple):
    """A topic. `operations` are the permitted ones as bits, None if the broker does not say."""

    topic_id: bytes
    partitions: int
    replicas: int
    """The smallest number of replicas of a partition."""
    operations: int | None


class ClusterTopics(NamedTuple):
    """The existing topics by name, and the names of those that are missing, and of those that the client may not see."""

    existing: dict[str, TopicMetadata]
    missing: frozenset[str]
    hidden: frozenset[str]


class _Uuid(AbstractType[bytes]):
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class _MetadataResponse(Response):
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequest(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicsRequest(Request[MetadataRequest_v4 | _MetadataRequest]):
    """A request for topics by name, which creates none of them."""

    API_KEY = 3

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def build(self, request_struct_class: Any) -> Any:
        if request_struct_class is MetadataRequest_v4:
            return MetadataRequest_v4(list(self._names), False)
        return _MetadataRequest([(NO_ID, name, {}) for name in self._names], False, False, True, {})


class _GroupRequest(DescribeGroupsRequest_v3):
    RESPONSE_TYPE = DescribeGroupsResponse_v3


class _GroupOperationsRequest(Request[_GroupRequest]):
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupRequest]) -> _GroupRequest:
        return request_struct_class([self._group], True)


async def cluster_topics(client: AIOKafkaClient, names: Collection[str]) -> ClusterTopics:
    """Ask a broker for topics. Raises aiokafka's KafkaError."""
    try:
        response = await client.send(client.get_random_node(), _TopicsRequest(sorted(names)))
    except NotImplementedError as no_version:  # of aiokafka, if there is no common one
        raise IncompatibleBrokerVersion("the broker is older than Kafka 0.11") from no_version
    existing: dict[str, TopicMetadata] = {}
    absent: dict[type[Exception], set[str]] = {
        UnknownTopicOrPartitionError: set(),
        TopicAuthorizationFailedError: set(),
    }
    for topic in response.to_object()["topics"]:
        name, error = topic["topic"], for_code(topic["error_code"])
        if error in absent:
            absent[error].add(name)
            continue
        if topic["error_code"]:
            raise error(name)
        operations = topic.get("authorized_operations", UNKNOWN_OPERATIONS)
        existing[name] = TopicMetadata(
            topic.get("topic_id", NO_ID),
            len(topic["partitions"]),
            min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            None if operations == UNKNOWN_OPERATIONS else operations,
        )
    missing, hidden = absent.values()
    return ClusterTopics(existing, frozenset(missing), frozenset(hidden))


async def topic_ids(kafka: Kafka, names: Collection[str]) -> dict[str, bytes]:
    """Return the IDs of topics by name, `NO_ID` for missing topics. Raises aiokafka's KafkaError."""
    client = await connect(kafka)
    try:
        existing = (await cluster_topics(client, names)).existing
    finally:
        await client.close()
    return {name: existing[name].topic_id if name in existing else NO_ID for name in names}


async def cluster_id(client: AIOKafkaClient) -> str:
    """Return the ID of the cluster, empty if the broker names none. Raises aiokafka's KafkaError."""
    response = await client.send(client.get_random_node(), _TopicsRequest([]))
    return response.to_object()["cluster_id"] or ""


async def group_operations(client: AIOKafkaClient, group: str) -> int | None:
    """Return the permitted operations on a consumer group as bits, None if the broker does not say.

    Raises GroupAuthorizationFailedError if the client may not see the group, and other KafkaErrors of aiokafka.
    """
    try:
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        response = await client.send(node, _GroupOperationsRequest(group))
    except GroupAuthorizationFailedError as error:
        raise GroupAuthorizationFailedError(group) from error
    except (NotImplementedError, IncompatibleBrokerVersion):  # a broker before 2.3, or without this request
        return None
    (described,) = response.to_object()["groups"]
    if described["error_code"]:
        raise for_code(described["error_code"])(group)
    operations: int = described["authorized_operations"]
    return None if operations == UNKNOWN_OPERATIONS else operations
