"""Which topics the configuration names, how they have to be, and in what existing ones differ."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.config.setting_types import milliseconds

MIB = 1 << 20
INPUT_BYTES = 2 * MIB
"""Well over the 256 KiB that a value may have: what is oversized has to arrive to be judged."""
DEADLETTER_BYTES = 4 * MIB
"""Over what an input can hold, so that every dead letter fits with its key and headers."""
DEADLETTER_RETENTION = milliseconds("14d")
TOMBSTONE_RETENTION = milliseconds("3d")
"""How long a deletion stays readable. A reader that paused for half of it has to begin again."""


class TopicSpec(NamedTuple):
    """A topic as it has to be. `role`: what the project uses it for."""

    name: str
    role: Literal["input", "compacted", "deadletter"]
    partitions: int
    replication: int
    configs: dict[str, str]


class TopicDescription(NamedTuple):
    """A topic as it is."""

    partitions: int
    replication: int
    configs: Mapping[str, str]


def topics(settings: Settings) -> list[TopicSpec]:
    """Every topic of the configuration: inputs, state, panes, dead letters."""
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
        "max.compaction.lag.ms": str(milliseconds("24h")),  # what was erased is gone after this
        "delete.retention.ms": str(TOMBSTONE_RETENTION),
    }
    deadletter = {
        "cleanup.policy": "delete",
        "retention.ms": str(DEADLETTER_RETENTION),
        "max.message.bytes": str(DEADLETTER_BYTES),
    }
    always = {
        "message.timestamp.type": "CreateTime",
        "min.insync.replicas": str(names.min_insync_replicas),
    }

    def spec(
        name: str, role: Literal["input", "compacted", "deadletter"], configs: dict[str, str]
    ) -> TopicSpec:
        return TopicSpec(name, role, names.partitions, names.replication_factor, configs | always)

    return [
        *(spec(names.input(domain), "input", inputs) for domain in DOMAINS),
        *(spec(names.state(domain), "compacted", compacted) for domain in DOMAINS),
        *(spec(names.panes(domain), "compacted", compacted) for domain in DOMAINS),
        spec(names.deadletter, "deadletter", deadletter),
    ]


def differences(wanted: Iterable[TopicSpec], described: Mapping[str, TopicDescription]) -> list[str]:
    """One line for everything in which topics are not as they have to be; empty when nothing is."""
    return [text for spec in wanted for _, text in _compare(spec, described.get(spec.name))]


def refusals(wanted: Iterable[TopicSpec], described: Mapping[str, TopicDescription]) -> list[str]:
    """The lines of `differences` under which figures would be wrong: missing, other partitions, cleaned up otherwise."""
    return [text for spec in wanted for grave, text in _compare(spec, described.get(spec.name)) if grave]


def _compare(spec: TopicSpec, have: TopicDescription | None) -> Iterator[tuple[bool, str]]:
    if have is None:
        yield True, f"{spec.name}: is missing"
        return
    if have.partitions != spec.partitions:
        grave = spec.role != "deadletter"
        yield grave, f"{spec.name}: has {have.partitions} partitions, topics.partitions is {spec.partitions}"
    if have.replication != spec.replication:
        text = f"has {have.replication} replicas, topics.replication_factor is {spec.replication}"
        yield False, f"{spec.name}: {text}"
    for key, value in spec.configs.items():
        if (came := have.configs.get(key)) != value:
            grave = key == "cleanup.policy" and spec.role != "deadletter"
            yield grave, f"{spec.name}: {key} is {came}, wanted is {value}"
