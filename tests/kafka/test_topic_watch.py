"""Comparisons of topics over time."""

import pytest

from stream.config import Kafka
from stream.errors import PreconditionFailed
from stream.kafka import topic_watch
from stream.kafka.metadata import NO_ID, ClusterTopics, TopicMetadata
from stream.kafka.rights import Operation
from stream.kafka.topic_watch import TopicFindings, TopicWatch

READ = 1 << Operation.READ


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, TopicMetadata]:
    """The topics of a broker."""
    existing: dict[str, TopicMetadata] = {}

    async def cluster_topics(_client: object, names: list[str]) -> ClusterTopics:
        return ClusterTopics(dict(existing), frozenset(set(names) - existing.keys()), frozenset())

    async def connected(_self: TopicWatch) -> None:
        return None

    monkeypatch.setattr(topic_watch, "cluster_topics", cluster_topics)
    monkeypatch.setattr(TopicWatch, "connected", connected)
    return existing


def topic(topic_id: bytes, partitions: int = 2, operations: int | None = READ) -> TopicMetadata:
    """Return a topic."""
    return TopicMetadata(topic_id, partitions, 1, operations)


def watch(**ids: bytes) -> TopicWatch:
    """Return a watch over two topics."""
    return TopicWatch(Kafka(), ["a", "b"], {"a": (Operation.READ,)}, ids)


async def test_a_topic_with_another_id_is_reported_once(cluster: dict[str, TopicMetadata]) -> None:
    """Compared with the start of the service, or with the first comparison."""
    watched = watch(a=b"1")
    cluster |= {"a": topic(b"2"), "b": topic(b"1")}
    assert await watched.compare() == TopicFindings(recreated=("a",))
    assert await watched.compare() == TopicFindings()
    cluster["b"] = topic(b"2")
    assert await watched.compare() == TopicFindings(recreated=("b",))


async def test_a_topic_that_was_missing_meanwhile_is_another_one(cluster: dict[str, TopicMetadata]) -> None:
    """Its ID is compared with that of before."""
    watched = watch(a=b"1")
    cluster["b"] = topic(b"1")
    assert await watched.compare() == TopicFindings(missing=("a",))
    cluster["a"] = topic(b"2")
    assert await watched.compare() == TopicFindings(recreated=("a",))


async def test_more_partitions_are_reported(cluster: dict[str, TopicMetadata]) -> None:
    """A worker would not read the new ones."""
    watched = watch()
    cluster |= {"a": topic(b"1"), "b": topic(b"1")}
    await watched.compare()
    cluster["a"] = topic(b"1", partitions=3)
    assert await watched.compare() == TopicFindings(repartitioned=("a",))


async def test_brokers_without_ids_are_believed(cluster: dict[str, TopicMetadata]) -> None:
    """Before Kafka 2.8 all topics have the same ID."""
    watched = watch(a=NO_ID)
    cluster |= {"a": topic(NO_ID), "b": topic(NO_ID)}
    assert await watched.compare() == await watched.compare() == TopicFindings()


async def test_a_right_that_is_taken_away_is_an_error(cluster: dict[str, TopicMetadata]) -> None:
    """Only of topics that the service needs."""
    watched = watch()
    cluster |= {"a": topic(b"1"), "b": topic(b"1", operations=0)}
    assert await watched.compare() == TopicFindings()
    cluster["a"] = topic(b"1", operations=0)
    with pytest.raises(PreconditionFailed, match="User:ANONYMOUS lacks Read on topic a"):
        await watched.compare()
