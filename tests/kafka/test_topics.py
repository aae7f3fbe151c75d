"""Which topics there are, and what is said about those that differ."""

from msgspec.structs import replace

from stream.config import Settings
from stream.kafka.topics import TopicDescription, differences, refusals, topics


def as_wanted(settings: Settings) -> dict[str, TopicDescription]:
    """A broker where everything is as it has to be, with settings besides."""
    return {
        spec.name: TopicDescription(
            spec.partitions, spec.replication, spec.configs | {"compression.type": "producer"}
        )
        for spec in topics(settings)
    }


def test_every_topic_of_the_configuration() -> None:
    """Three inputs, their state and panes, and the dead letters."""
    by_name = {spec.name: spec for spec in topics(Settings())}
    assert list(by_name) == list(Settings().topics.all)
    assert {spec.partitions for spec in by_name.values()} == {12}
    assert by_name["cx.feedback"].configs["retention.ms"] == "3888000000"
    assert by_name["cx.deadletter"].configs["retention.ms"] == "1209600000"
    for name in ("cx.state.tickets", "cx.panes.customers"):
        assert by_name[name].configs | {"min.insync.replicas": "1"} == {
            "cleanup.policy": "compact",
            "segment.ms": "3600000",
            "segment.bytes": "67108864",
            "min.cleanable.dirty.ratio": "0.1",
            "max.compaction.lag.ms": "86400000",
            "delete.retention.ms": "259200000",
            "message.timestamp.type": "CreateTime",
            "min.insync.replicas": "1",
        }


def test_the_configuration_shapes_them() -> None:
    """Partitions, replicas and retention are settings."""
    shape = replace(
        Settings().topics,
        partitions=3,
        replication_factor=3,
        min_insync_replicas=2,
        retention=-1,
        state_prefix="eu",
    )
    first, *_, panes, dead = topics(replace(Settings(), topics=shape))
    assert (first.partitions, first.replication) == (3, 3)
    assert first.configs["retention.ms"] == "-1"
    assert panes.name == "eu.panes.customers"
    assert dead.configs["min.insync.replicas"] == "2"


def test_what_is_as_wanted_has_no_differences() -> None:
    """Settings that nobody asked for do not count."""
    assert differences(topics(Settings()), as_wanted(Settings())) == []


def test_differences_say_what_is_and_what_is_wanted() -> None:
    """One line each; only those that would make figures wrong are reason to refuse."""
    have = as_wanted(Settings())
    del have["cx.tickets"]
    have["cx.feedback"] = have["cx.feedback"]._replace(partitions=6)
    have["cx.customers"] = have["cx.customers"]._replace(
        replication=3, configs=have["cx.customers"].configs | {"retention.ms": "1000"}
    )
    have["cx.panes.tickets"] = have["cx.panes.tickets"]._replace(
        configs=have["cx.panes.tickets"].configs | {"cleanup.policy": "delete"}
    )
    have["cx.deadletter"] = have["cx.deadletter"]._replace(partitions=1)
    grave = [
        "cx.feedback: has 6 partitions, topics.partitions is 12",
        "cx.tickets: is missing",
        "cx.panes.tickets: cleanup.policy is delete, expected compact",
    ]
    assert refusals(topics(Settings()), have) == grave
    assert differences(topics(Settings()), have) == [
        *grave[:2],
        "cx.customers: has 3 replicas, topics.replication_factor is 1",
        "cx.customers: retention.ms is 1000, expected 3888000000",
        grave[2],
        "cx.deadletter: has 1 partitions, topics.partitions is 12",
    ]
