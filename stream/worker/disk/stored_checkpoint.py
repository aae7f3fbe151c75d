"""The position of a database: the checkpoint up to which it has everything, and the topics that this is about."""

from typing import NamedTuple

import msgspec

from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.checkpoint import Checkpoint
from stream.kafka.reading import OffsetRange

KEY = b"\0c"
LAYOUT = 2
"""Version of the rows of a database. Databases of other versions are read from the topic again."""
MAX_AHEAD = 300_000
"""Time in ms by which a checkpoint may be ahead of the clock."""


class StoredCheckpoint(msgspec.Struct, array_like=True):
    """The row of a database that each of its batches has."""

    layout: int
    marker: bytes
    """The checkpoint, as in the topic of the panes."""
    state_offset: int
    """The database has all records of the state topic before this offset."""
    lineage: bytes
    """IDs of the state topic and the topic of the panes."""
    rules: str
    """The settings on which the rows depend."""
    has_erased: bool
    """True if files may still contain an erased person."""


class Circumstances(NamedTuple):
    """What a database must fit.

    Attributes:
        marker: the checkpoint of the topic
        state: the offsets of the state topic
        lineage: IDs of the topics, empty if the broker has none
        now: the present in ms
        max_age: time in ms for which the state topic certainly keeps deletions
    """

    marker: Checkpoint
    state: OffsetRange
    lineage: bytes
    rules: str
    partitions: int
    now: int
    max_age: int


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StoredCheckpoint).decode


def rules_of(config: AggregationConfig) -> str:
    """Return a text that changes with the settings on which stored entities and their timers depend."""
    return f"{config.config_hash}/{config.erasure_retention}"


def decode(raw: bytes | None) -> StoredCheckpoint | None:
    """Return the position of a database, None if it has none that can be read."""
    if raw is None:
        return None
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        return None


def obstacle(stored: StoredCheckpoint | None, circumstances: Circumstances) -> str:
    """Return why a database cannot be used and all must be read again, or an empty text."""
    if stored is None:
        return "it has no checkpoint"
    topic, state = circumstances.marker, circumstances.state
    try:
        marker = checkpoint_format.decode(stored.marker)
    except msgspec.DecodeError:
        return "its checkpoint cannot be read"
    checks = (
        (stored.layout == LAYOUT, f"its layout {stored.layout} is not {LAYOUT}"),
        (bool(circumstances.lineage), "the broker has no topic IDs"),
        (stored.lineage == circumstances.lineage, "the topics were created again"),
        (marker.version == topic.version == checkpoint_format.VERSION, "its version is another one"),
        (marker.partitions == circumstances.partitions, "the number of partitions is another one"),
        (stored.rules == circumstances.rules, "the settings have changed"),
        (topic.config_hash == marker.config_hash, "the panes have other settings"),
        (marker.next_offset <= topic.next_offset, "the topic is behind it"),
        (state.begin <= stored.state_offset <= state.end, "the state topic does not reach it"),
        (circumstances.now - marker.written_at < circumstances.max_age, "it is too old"),
        (marker.written_at - circumstances.now < MAX_AHEAD, "it is ahead of the clock"),
    )
    return next((reason for fits, reason in checks if not fits), "")
