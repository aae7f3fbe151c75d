"""The record that a worker writes to the clock topic every minute: its name, its time and its partitions."""

import msgspec

MAX_NAME = 100
"""Maximum characters of a worker's name."""


class ClockRecord(msgspec.Struct, kw_only=True):
    """A worker's clock. The record's timestamp is that of the broker's clock (`LogAppendTime`)."""

    worker: str
    """`worker.instance`, or host and port of the worker's health endpoint."""
    written_at: int
    """The worker's time in ms since the epoch."""
    partitions: dict[str, list[int]] = {}
    """The partitions that it owns, by domain."""


encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(ClockRecord)


def decode(value: bytes | None) -> ClockRecord | None:
    """Return the record, None if the value is none."""
    try:
        record = _decoder.decode(value or b"")
    except (msgspec.MsgspecError, ValueError, RecursionError):  # a deeply nested unknown field recurses
        return None
    record.worker = record.worker[:MAX_NAME]
    return record
