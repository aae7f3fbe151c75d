"""The last record of every flush: how far the source was counted, and under which rules."""

import msgspec

KEY = b"marker"
VERSION = 3
"""Version of everything that is kept, and of what answers contribute, which is derived of it and not kept.

A partition with a newer one is refused, an older one is made anew, as far back as `Domain.since`."""


class Marker(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a source partition stands. Times are ms since the epoch."""

    version: int = 2
    """Of one that does not say: 1 and 2 never did."""
    next: int = 0
    """Offset of the first source record that is not counted."""
    last: int = -1
    """Offset of the last source record that is, and its checksum: a topic made anew has another record there."""
    checksum: int = 0
    partitions: int = 0
    identity: str = ""
    dimensions: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    watermark: int = 0
    floor: int = 0
    """Panes older than this less their keep are gone."""
    since: int = 0
    """Hour panes are complete from here on: longer windows than those configured before reach further back."""
    outcomes: dict[str, int] = {}
    skipped: int = 0
    """Records of unreadable batches that were passed over by order. They have no outcome."""
    blocked_at: int = -1
    """Base offset of the unreadable batch that blocks the source; -1: none does."""
    labels_ignored: int = 0
    newest: int = 0
    """Newest time of an accepted event; 0: none."""
    written: int = 0
    lag: int = 0
    """0 when the worker was at the end of the source, else ms since it last was."""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Marker).decode
