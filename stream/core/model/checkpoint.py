"""The checkpoint: the last record of every flush, with the position in the source and the config in force."""

import msgspec

KEY = b"marker"
VERSION = 6
"""Version of everything that is stored, and of the contributions of answers, which are derived and not stored.

State of a newer version is refused. So is state older than `Domain.oldest_readable_version`. The panes of other older
versions are rebuilt."""
MAX_AGE = 30_000
"""Time in ms for which a checkpoint covers its partition, and the lag below which it does so."""

EARLIEST_END = 24 * 3_600_000
"""Times in ms before this one stand for a source whose end was never reached. They are 0, or a little more in older
checkpoints."""

_PACKED_NAMES = {
    "next_offset": "next",
    "last_offset": "last",
    "config_hash": "identity",
    "projected_dimensions": "shown",
    "expired_before": "floor",
    "complete_since": "since",
    "derivable_since": "derivable",
    "max_event_time": "newest",
    "written_at": "written",
    "lag_ms": "lag",
}
"""Packed names of fields. They must not change, because stored checkpoints have them."""


class Checkpoint(msgspec.Struct, kw_only=True, omit_defaults=True, rename=_PACKED_NAMES):
    """The state of a source partition at a flush. Times are ms since the epoch."""

    version: int = 2
    """Defaults to 2, because versions 1 and 2 did not write the field."""
    next_offset: int = 0
    """Offset of the first source record that is not processed."""
    last_offset: int = -1
    """Offset of the last processed source record, -1 if there is none."""
    checksum: int = 0
    """Checksum of that record. A recreated topic has a different record at this offset."""
    partitions: int = 0
    config_hash: str = ""
    dimensions: tuple[str, ...] = ()
    projected_dimensions: tuple[str, ...] = ()
    watermark: int = 0
    newest_timestamp: int = 0
    """Newest timestamp of the records at home, derived ones included, which do not move the watermark."""
    expired_before: int = 0
    """Watermark of the last expiry: panes older than their retention before it are deleted."""
    complete_since: int = 0
    """Hour panes are complete from this time on. Windows that were configured later may reach further back."""
    derivable_since: int = 0
    """Entities are kept for all panes from this time on. Older panes are lost if they must be rebuilt."""
    outcomes: dict[str, int] = {}
    skipped: int = 0
    """Records of unreadable batches that were skipped by an operator's order. They have no outcome."""
    blocked_at: int = -1
    """Base offset of the unreadable batch that blocks the source, -1 if none does."""
    ignored_labels: dict[str, int] = {}
    """Label entries of accepted events that were ignored, by name."""
    unknown_fields: dict[str, dict[str, int]] = {}
    """Fields of accepted events that their type does not have, by type and name."""
    max_event_time: int = 0
    """Newest time of an accepted event, 0 if there is none."""
    written_at: int = 0
    lag_ms: int = 0
    """Time in ms since the worker was last at the end of the source, 0 if it is there."""

    @property
    def reached_end(self) -> bool:
        """True if the worker was at the end of the source at least once."""
        return self.written_at - self.lag_ms >= EARLIEST_END


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Checkpoint).decode
