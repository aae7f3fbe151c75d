"""Record batches in the segment files of a broker: their codec, and ways to damage them."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from aiokafka.record._crc32c import crc as crc32c

HEADER = struct.Struct(">qiibIhiqqqhii")
"""The header of a record batch, format v2."""
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
CRC = struct.Struct(">I")
CRC_OFFSET = 17
ATTRIBUTES_OFFSET = 21


class StoredBatch(NamedTuple):
    """One batch: its position in the file, the offsets from `base` to before `end`, and its bytes."""

    position: int
    base: int
    end: int
    raw: bytes

    @property
    def codec(self) -> str:
        """Return the name of its compression codec."""
        return CODECS[HEADER.unpack_from(self.raw)[5] & 7]


def segment(folder: Path, topic: str, partition: int) -> Path:
    """Return the only segment of a partition."""
    (path,) = (folder / "data" / f"{topic}-{partition}").glob("*.log")
    return path


def batches(path: Path) -> Iterator[StoredBatch]:
    """Yield the batches of a segment."""
    data, position = path.read_bytes(), 0
    while position + HEADER.size <= len(data):
        base, length, *_ = HEADER.unpack_from(data, position)
        if not length:
            return
        raw = data[position : position + 12 + length]
        yield StoredBatch(position, base, base + HEADER.unpack_from(raw)[6] + 1, raw)
        position += len(raw)


def damage(path: Path, offset: int, change: Callable[[bytes], bytes]) -> StoredBatch:
    """Replace the batch that holds `offset` by `change` of it, of the same length, and return the original."""
    batch = next(batch for batch in batches(path) if batch.base <= offset < batch.end)
    changed = change(batch.raw)
    assert len(changed) == len(batch.raw)
    assert changed != batch.raw
    with path.open("r+b") as file:
        file.seek(batch.position)
        file.write(changed)
    return batch


def with_flipped_bit(raw: bytes) -> bytes:
    """Flip a bit of the payload, so that the CRC does not match."""
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]


def with_unknown_codec(raw: bytes) -> bytes:
    """Set an unknown codec, with a valid CRC."""
    (attributes,) = struct.unpack_from(">h", raw, ATTRIBUTES_OFFSET)
    return with_valid_crc(
        raw[:ATTRIBUTES_OFFSET] + struct.pack(">h", attributes & ~7 | 6) + raw[ATTRIBUTES_OFFSET + 2 :]
    )


def with_garbage_payload(codec: str) -> Callable[[bytes], bytes]:
    """Replace the payload by zeros of a codec, with a valid CRC."""

    def change(raw: bytes) -> bytes:
        (attributes,) = struct.unpack_from(">h", raw, ATTRIBUTES_OFFSET)
        header = raw[:ATTRIBUTES_OFFSET] + struct.pack(">h", attributes & ~7 | CODECS.index(codec))
        return with_valid_crc(
            header + raw[ATTRIBUTES_OFFSET + 2 : HEADER.size] + bytes(len(raw) - HEADER.size)
        )

    return change


def with_valid_crc(raw: bytes) -> bytes:
    """Return the batch with a valid CRC."""
    return raw[:CRC_OFFSET] + CRC.pack(crc32c(raw[ATTRIBUTES_OFFSET:])) + raw[ATTRIBUTES_OFFSET:]
