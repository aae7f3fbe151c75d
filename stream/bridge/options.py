"""The options of a bridge."""

from typing import Literal, NamedTuple

from stream.config import Settings
from stream.errors import ConfigError

FirstStart = Literal["beginning", "end"]
Timestamps = Literal["record", "event", "now"]


class BridgeOptions(NamedTuple):
    """The source topic, the consumer group, and how to read and send.

    Attributes:
        topic: the source topic
        group: its consumer group, also the prefix of transactional IDs
        first_start: where the first start of the group begins
        timestamps: the timestamps of sent records: those of the source records, the times of the events, or the present
        once: whether to end at the present end of the topic
    """

    topic: str
    group: str
    first_start: FirstStart
    timestamps: Timestamps
    once: bool

    def transactional_id(self, name: str) -> str:
        """Return a transactional ID. Names of groups and topics have no `/`, so that IDs of two bridges differ."""
        return f"{self.group}/{self.topic}/{name}"


def default_group(topic: str) -> str:
    """Return the consumer group of a bridge without `--group`."""
    return f"cxgauge-bridge-{topic}"


def check_options(options: BridgeOptions, settings: Settings) -> None:
    """Raise ConfigError for a topic of cxgauge itself, which would feed itself, and for the group of the workers."""
    if options.topic in (*settings.topics.all, settings.topics.comments):
        raise ConfigError(
            f"TOPIC: got {options.topic!r}, which cxgauge itself reads or writes, allowed is a topic of another system"
        )
    if options.group == settings.worker.group:
        raise ConfigError(
            f"--group: got {options.group!r}, which is worker.group, allowed is a group of the bridge alone"
        )
