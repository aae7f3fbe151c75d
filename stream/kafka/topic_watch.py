"""Watching the topics of a running service: deleted, deleted and created again, with more partitions, or without rights."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from stream.config.settings import Kafka
from stream.kafka.client import connect
from stream.kafka.faults import diagnose
from stream.kafka.metadata import NO_ID, ClusterTopics, cluster_topics
from stream.kafka.rights import Needs, check_rights

WATCH_INTERVAL = 5.0
"""Seconds between two comparisons."""


class TopicFindings(NamedTuple):
    """Names of topics that do not exist, that are other topics than before, and that have other partitions than before."""

    missing: tuple[str, ...] = ()
    recreated: tuple[str, ...] = ()
    repartitioned: tuple[str, ...] = ()


class TopicWatch:
    """A client that compares topics with those of the start of the service.

    Args:
        kafka: the connection
        names: the topics. Those that the principal may not see are ignored unless they are in `needs`.
        needs: the operations that the service needs
        ids: the IDs of topics at the start of the service. Others count from the first comparison on.
    """

    def __init__(
        self, kafka: Kafka, names: Iterable[str], needs: Needs, ids: Mapping[str, bytes] | None = None
    ) -> None:
        self._kafka = kafka
        self._names = list(names)
        self._needs = needs
        self._ids = {name: topic_id for name, topic_id in (ids or {}).items() if topic_id != NO_ID}
        self._partitions: dict[str, int] = {}
        self._client: AIOKafkaClient | None = None

    async def compare(self) -> TopicFindings | None:
        """Return the differences since the last call, and the topics that are missing. None if no broker answers.

        Raises PreconditionFailed for a missing right, and ConfigError for a refused login.
        """
        try:
            topics = await cluster_topics(await self.connected(), self._names)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            if (fault := await diagnose(self._kafka, error)) is not None:
                raise fault from error
            return None
        check_rights(self._kafka, topics, self._needs)
        return self._findings(topics)

    def _findings(self, topics: ClusterTopics) -> TopicFindings:
        recreated, repartitioned = [], []
        for name, topic in topics.existing.items():
            if topic.topic_id not in (NO_ID, self._ids.setdefault(name, topic.topic_id)):
                recreated.append(name)
                self._ids[name] = topic.topic_id
            elif topic.partitions != self._partitions.setdefault(name, topic.partitions):
                repartitioned.append(name)
            self._partitions[name] = topic.partitions
        return TopicFindings(tuple(sorted(topics.missing)), tuple(recreated), tuple(repartitioned))

    async def connected(self) -> AIOKafkaClient:
        """Return the client, connected. Raises aiokafka's KafkaError."""
        if self._client is None:
            self._client = await connect(self._kafka)
        return self._client

    def has_seen(self, name: str) -> bool:
        """Return whether a topic existed at a comparison."""
        return name in self._partitions

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
