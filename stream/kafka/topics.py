"""The topics that the configuration requires, and differences of existing topics from them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.config.setting_types import milliseconds

MIB = 1 << 20
INPUT_BYTES = 2 * MIB
"""More than the 256 KiB that a value may have, so that an oversized record reaches the worker."""
DEADLETTER_BYTES = 4 * MIB
"""More than the largest input record, so that every dead letter fits with its key and headers."""
DEADLETTER_RETENTION = milliseconds("14d")
COMMENTS_RETENTION = milliseconds("30d")
CLOCK_RETENTION = milliseconds("1h")
TOMBSTONE_RETENTION = milliseconds("3d")
"""Time in ms for which a deletion stays readable. A reader that paused for half of it has to read the topic
again."""


Role = Literal["input", "compacted", "deadletter", "clock", "comments"]


_EXACT: tuple[Role, ...] = ("input", "compacted", "comments")
"""The topics that have the partitions of the inputs, and whose records must stay or go as configured."""


class TopicSpec(NamedTuple):
    """The required properties of a topic. `configs` has the topic's settings by name."""

    name: str
    role: Role
    partitions: int
    replication: int
    configs: dict[str, str]


class TopicDescription(NamedTuple):
    """The actual properties of a topic."""

    partitions: int
    replication: int
    configs: Mapping[str, str]
    topic_id: bytes = b""
    """A topic that is deleted and created again has another one. Empty or zero bytes if the broker has none."""


def topics(settings: Settings) -> list[TopicSpec]:
    """Return every required topic: inputs, state, panes, dead letters, clock records, and comments if they are kept."""
    names = settings.topics
    inputs = {
        "cleanup.policy": "delete",
        "retention.ms": str(names.retention),
        "retention.bytes": "-1",
        "max.message.bytes": str(INPUT_BYTES),
    }
    compacted = {
        "cleanup.policy": "compact",
        "segment.ms": str(milliseconds("1h")),
        "segment.bytes": str(64 * MIB),  # the newest segment is never compacted and is read at every start
        "min.cleanable.dirty.ratio": "0.1",
        "max.compaction.lag.ms": str(milliseconds("24h")),  # an erased value is deleted after this time
        "delete.retention.ms": str(TOMBSTONE_RETENTION),
    }
    deadletter = {
        "cleanup.policy": "delete",
        "retention.ms": str(DEADLETTER_RETENTION),
        "max.message.bytes": str(DEADLETTER_BYTES),
    }
    comments = compacted | {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(COMMENTS_RETENTION),
        "retention.bytes": "-1",
    }
    clock = {
        "cleanup.policy": "delete",
        "retention.ms": str(CLOCK_RETENTION),
        "segment.ms": str(CLOCK_RETENTION),
    }

    def spec(name: str, role: Role, configs: dict[str, str]) -> TopicSpec:
        is_clock = role == "clock"
        common = {
            "message.timestamp.type": "LogAppendTime" if is_clock else "CreateTime",
            "min.insync.replicas": str(names.min_insync_replicas),
        }
        partitions = 1 if is_clock else names.partitions
        return TopicSpec(name, role, partitions, names.replication_factor, configs | common)

    return [
        *(spec(names.input(domain), "input", inputs) for domain in DOMAINS),
        *(spec(names.state(domain), "compacted", compacted) for domain in DOMAINS),
        *(spec(names.panes(domain), "compacted", compacted) for domain in DOMAINS),
        spec(names.deadletter, "deadletter", deadletter),
        spec(names.clock, "clock", clock),
        *([spec(names.comments, "comments", comments)] if settings.comments.keep else []),
    ]


def counting_topics(settings: Settings) -> list[TopicSpec]:
    """Return the topics without which nothing is counted: all but that of the clocks."""
    return [spec for spec in topics(settings) if spec.role != "clock"]


def differences(wanted: Iterable[TopicSpec], described: Mapping[str, TopicDescription]) -> list[str]:
    """Return a line for each difference of the topics from their specifications."""
    return [text for spec in wanted for _, text in _compare(spec, described.get(spec.name))]


def refusals(wanted: Iterable[TopicSpec], described: Mapping[str, TopicDescription]) -> list[str]:
    """Return the differences under which figures would be wrong: missing, partitions, cleanup policy."""
    return [text for spec in wanted for grave, text in _compare(spec, described.get(spec.name)) if grave]


def _compare(spec: TopicSpec, actual: TopicDescription | None) -> Iterator[tuple[bool, str]]:
    if actual is None:
        yield spec.role != "clock", f"{spec.name}: is missing"
        return
    if actual.partitions != spec.partitions:
        wanted = "expected 1" if spec.role == "clock" else f"topics.partitions is {spec.partitions}"
        grave = spec.role in _EXACT
        yield grave, f"{spec.name}: has {actual.partitions} partitions, {wanted}"
    if actual.replication != spec.replication:
        text = f"has {actual.replication} replicas, topics.replication_factor is {spec.replication}"
        yield False, f"{spec.name}: {text}"
    for key, value in spec.configs.items():
        if (actual_value := actual.configs.get(key)) != value:
            grave = key == "cleanup.policy" and spec.role in _EXACT
            yield grave, f"{spec.name}: {key} is {actual_value}, expected {value}"
