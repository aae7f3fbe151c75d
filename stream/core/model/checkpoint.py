"""The last record of every flush: how far the source was counted, and under which rules."""

import msgspec

KEY = b"marker"
VERSION = 3
"""Version of everything that is stored, and of what answers contribute, which is derived and not stored.

State of a newer version is refused. The panes of an older one are rebuilt, as far back as `Domain.oldest_readable_version`."""
MAX_AGE = 30_000
"""A checkpoint covers its partition for that many ms, and only while the lag it reports is below the same."""


_PACKED_NAMES = {
    "next_offset": "next",
    "last_offset": "last",
    "config_hash": "identity",
    "projected_dimensions": "shown",
    "expired_before": "floor",
    "complete_since": "since",
    "max_event_time": "newest",
    "written_at": "written",
    "lag_ms": "lag",
}
"""Names on the wire, which stay as the first version wrote them."""


class Checkpoint(msgspec.Struct, kw_only=True, omit_defaults=True, rename=_PACKED_NAMES):
    """Where a source partition stands. Times are ms since the epoch."""

    version: int = 2
    """Of one that does not say: 1 and 2 never did."""
    next_offset: int = 0
    """Offset of the first source record that is not counted."""
    last_offset: int = -1
    """Offset of the last source record that is, and its checksum: a topic made anew has another record there."""
    checksum: int = 0
    partitions: int = 0
    config_hash: str = ""
    dimensions: tuple[str, ...] = ()
    projected_dimensions: tuple[str, ...] = ()
    watermark: int = 0
    expired_before: int = 0
    """Panes older than this less their keep are gone."""
    complete_since: int = 0
    """Hour panes are complete from here on: longer windows than those configured before reach further back."""
    outcomes: dict[str, int] = {}
    skipped: int = 0
    """Records of unreadable batches that were passed over by order. They have no outcome."""
    blocked_at: int = -1
    """Base offset of the unreadable batch that blocks the source; -1: none does."""
    labels_ignored: int = 0
    max_event_time: int = 0
    """Newest time of an accepted event; 0: none."""
    written_at: int = 0
    lag_ms: int = 0
    """0 when the worker was at the end of the source, else ms since it last was."""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Checkpoint).decode
