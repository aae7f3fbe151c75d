"""Requests about topics and groups at brokers of several versions."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.api import Response
from aiokafka.protocol.metadata import MetadataResponse_v4

from stream.kafka.metadata import (
    NO_ID,
    UNKNOWN_OPERATIONS,
    ClusterTopics,
    TopicMetadata,
    cluster_topics,
    group_operations,
)

METADATA, DESCRIBE_GROUPS = 3, 15
"""API keys."""
READ = 1 << 3
TOPIC_ID = bytes(range(16))


class Broker:
    """A client of aiokafka whose broker supports one version of each request and answers what `answer` returns.

    `sent` has the last request. Requests and answers are encoded and decoded as on a connection.
    """

    def __init__(self, versions: dict[int, int], answer: Callable[[type[Response]], Response]) -> None:
        self.sent: Any = None
        self._versions = {key: (0, newest) for key, newest in versions.items()}
        self._answer = answer

    def get_random_node(self) -> int:
        return 0

    async def coordinator_lookup(self, _kind: object, _group: str) -> int:
        return 0

    async def send(self, _node: int, request: Any) -> Response:
        self.sent = request.prepare(self._versions)
        assert self.sent.encode()
        kind = self.sent.RESPONSE_TYPE
        decoded: Response = kind.decode(BytesIO(self._answer(kind).encode()))
        return decoded


def group(error: int = 0, operations: int = READ) -> Callable[[type[Response]], Response]:
    """Return a function that returns the description of a group."""
    return lambda kind: kind(0, [(error, "cxgauge", "Empty", "consumer", "", [], operations)])


@pytest.mark.parametrize(("operations", "expected"), [(READ, READ), (0, 0), (UNKNOWN_OPERATIONS, None)])
async def test_the_operations_on_a_group(operations: int, expected: int | None) -> None:
    """None of a broker that does not compute them."""
    broker: Any = Broker({DESCRIBE_GROUPS: 5}, group(operations=operations))
    assert await group_operations(broker, "cxgauge") == expected


@pytest.mark.parametrize("versions", [{DESCRIBE_GROUPS: 2}, {}])
async def test_a_broker_without_operations_on_groups_is_asked_nothing(versions: dict[int, int]) -> None:
    """Kafka before 2.3, and a broker that does not know the request at all."""
    broker: Any = Broker(versions, group())
    assert await group_operations(broker, "cxgauge") is None
    assert broker.sent is None


async def test_a_hidden_group_is_an_error() -> None:
    broker: Any = Broker({DESCRIBE_GROUPS: 5}, group(error=GroupAuthorizationFailedError.errno))
    with pytest.raises(GroupAuthorizationFailedError, match="cxgauge"):
        await group_operations(broker, "cxgauge")


def described(kind: type[Response]) -> Response:
    """Return two partitions of a topic, the second with one replica, a topic that is missing and one that is hidden."""
    if kind is MetadataResponse_v4:
        partitions: list[Any] = [(0, n, 1, [1, 2][: 2 - n], [1]) for n in range(2)]
        return kind(
            0, [], "cluster", 1, [(0, "a", False, partitions), (3, "b", False, []), (29, "c", False, [])]
        )
    partitions = [(0, n, 1, 0, [1, 2][: 2 - n], [1], [], {}) for n in range(2)]
    topics: list[Any] = [
        (0, "a", TOPIC_ID, False, partitions, READ, {}),
        (3, "b", NO_ID, False, [], UNKNOWN_OPERATIONS, {}),
        (29, "c", NO_ID, False, [], UNKNOWN_OPERATIONS, {}),
    ]
    return kind(0, [], "cluster", 1, topics, UNKNOWN_OPERATIONS, {})


@pytest.mark.parametrize(
    ("newest", "topic"),
    [(12, TopicMetadata(TOPIC_ID, 2, 1, READ)), (9, TopicMetadata(NO_ID, 2, 1, None))],
)
async def test_topics_of_new_and_old_brokers(newest: int, topic: TopicMetadata) -> None:
    """Kafka before 2.8 has neither IDs nor operations. No request creates a topic."""
    broker: Any = Broker({METADATA: newest}, described)
    topics = await cluster_topics(broker, ["b", "a", "c"])
    assert topics == ClusterTopics({"a": topic}, frozenset("b"), frozenset("c"))
    assert TopicAuthorizationFailedError.errno == 29
    request = broker.sent.to_object()
    assert request["allow_auto_topic_creation"] is False


async def test_a_broker_before_transactions_is_refused() -> None:
    """Instead of a traceback. Kafka before 0.11 cannot be asked without creating topics."""
    broker: Any = Broker({METADATA: 3}, described)
    with pytest.raises(IncompatibleBrokerVersion, match=r"older than Kafka 0\.11"):
        await cluster_topics(broker, ["a"])
