"""The expected topics, and the differences of existing ones."""

from msgspec.structs import replace

from stream.config import Settings
from stream.config.settings import Comments
from stream.kafka.topics import TopicDescription, differences, refusals, topics


def expected_descriptions(settings: Settings) -> dict[str, TopicDescription]:
    """Return topics as expected, with an additional setting."""
    return {
        spec.name: TopicDescription(
            spec.partitions, spec.replication, spec.configs | {"compression.type": "producer"}
        )
        for spec in topics(settings)
    }


def test_every_topic_of_the_configuration() -> None:
    """Three inputs, their state and panes, the dead letters, and the clock with one partition and the broker's time."""
    by_name = {spec.name: spec for spec in topics(Settings())}
    assert list(by_name) == list(Settings().topics.all)
    assert {spec.partitions for spec in by_name.values() if spec.role != "clock"} == {12}
    assert by_name["cx.clock"].partitions == 1
    assert by_name["cx.clock"].configs["message.timestamp.type"] == "LogAppendTime"
    assert by_name["cx.feedback"].configs["retention.ms"] == "6480000000"
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


def test_comments_have_a_topic_if_they_are_kept() -> None:
    """Compacted, and deleted after 30 days. Another policy or number of partitions is refused."""
    kept = replace(Settings(), comments=Comments(keep=True))
    *others, spec = topics(kept)
    assert others == topics(Settings())
    assert (spec.name, spec.partitions) == ("cx.comments", 12)
    wanted = {"cleanup.policy": "compact,delete", "retention.ms": "2592000000", "retention.bytes": "-1"}
    assert spec.configs | wanted == spec.configs
    described = expected_descriptions(kept)[spec.name]
    assert refusals([spec], {spec.name: described._replace(partitions=3)})
    assert refusals(
        [spec], {spec.name: described._replace(configs=spec.configs | {"cleanup.policy": "compact"})}
    )
    assert refusals([spec], {spec.name: described}) == []


def test_topics_depend_on_the_configuration() -> None:
    """Partitions, replicas and retention depend on settings."""
    topic_settings = replace(
        Settings().topics,
        partitions=3,
        replication_factor=3,
        min_insync_replicas=2,
        retention=-1,
        state_prefix="eu",
    )
    first, *_, panes, deadletter, clock = topics(replace(Settings(), topics=topic_settings))
    assert (first.partitions, first.replication) == (3, 3)
    assert first.configs["retention.ms"] == "-1"
    assert (panes.name, clock.name) == ("eu.panes.customers", "eu.clock")
    assert deadletter.configs["min.insync.replicas"] == "2"


def test_expected_topics_have_no_differences() -> None:
    """Additional settings do not count."""
    assert differences(topics(Settings()), expected_descriptions(Settings())) == []


def test_differences_name_the_actual_and_the_expected_value() -> None:
    """Each difference is one line. Only those that make figures wrong are refused."""
    existing = expected_descriptions(Settings())
    del existing["cx.tickets"]
    existing["cx.feedback"] = existing["cx.feedback"]._replace(partitions=6)
    existing["cx.customers"] = existing["cx.customers"]._replace(
        replication=3, configs=existing["cx.customers"].configs | {"retention.ms": "1000"}
    )
    existing["cx.panes.tickets"] = existing["cx.panes.tickets"]._replace(
        configs=existing["cx.panes.tickets"].configs | {"cleanup.policy": "delete"}
    )
    existing["cx.deadletter"] = existing["cx.deadletter"]._replace(partitions=1)
    del existing["cx.clock"]
    refused = [
        "cx.feedback: has 6 partitions, topics.partitions is 12",
        "cx.tickets: is missing",
        "cx.panes.tickets: cleanup.policy is delete, expected compact",
    ]
    assert refusals(topics(Settings()), existing) == refused
    assert differences(topics(Settings()), existing) == [
        *refused[:2],
        "cx.customers: has 3 replicas, topics.replication_factor is 1",
        "cx.customers: retention.ms is 1000, expected 6480000000",
        refused[2],
        "cx.deadletter: has 1 partitions, topics.partitions is 12",
        "cx.clock: is missing",
    ]
