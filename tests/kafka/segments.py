"""The batches of a partition as they lie on a broker's disk: to see their codec, and to damage them."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from aiokafka.record._crc32c import crc as crc32c

HEADER = struct.Struct(">qiibIhiqqqhii")
"""The header of a record batch, format v2."""
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
CRC = struct.Struct(">I")
CRC_AT = 17
ATTRIBUTES_AT = 21


class Stored(NamedTuple):
    """One batch: its place in the file, the offsets from `base` to before `end`, and its bytes."""

    at: int
    base: int
    end: int
    raw: bytes

    @property
    def codec(self) -> str:
        """The name of its compression, by the header."""
        return CODECS[HEADER.unpack_from(self.raw)[5] & 7]


def segment(folder: Path, topic: str, partition: int) -> Path:
    """The only segment of a partition."""
    (path,) = (folder / "data" / f"{topic}-{partition}").glob("*.log")
    return path


def batches(path: Path) -> Iterator[Stored]:
    """All batches of a segment."""
    data, at = path.read_bytes(), 0
    while at + HEADER.size <= len(data):
        base, length, *_ = HEADER.unpack_from(data, at)
        if not length:
            return
        raw = data[at : at + 12 + length]
        yield Stored(at, base, base + HEADER.unpack_from(raw)[6] + 1, raw)
        at += len(raw)


def damage(path: Path, offset: int, change: Callable[[bytes], bytes]) -> Stored:
    """Replace the batch that holds `offset` by what `change` makes of it, of the same length; the batch as it was."""
    batch = next(one for one in batches(path) if one.base <= offset < one.end)
    changed = change(batch.raw)
    assert len(changed) == len(batch.raw)
    assert changed != batch.raw
    with path.open("r+b") as file:
        file.seek(batch.at)
        file.write(changed)
    return batch


def flipped(raw: bytes) -> bytes:
    """A bit of the payload is another one: the CRC does not match."""
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]


def of_unknown_codec(raw: bytes) -> bytes:
    """A codec that nobody knows, under a CRC that matches."""
    (attributes,) = struct.unpack_from(">h", raw, ATTRIBUTES_AT)
    return sealed(raw[:ATTRIBUTES_AT] + struct.pack(">h", attributes & ~7 | 6) + raw[ATTRIBUTES_AT + 2 :])


def of_garbage(codec: str) -> Callable[[bytes], bytes]:
    """A payload that is nothing, said to be of a codec, under a CRC that matches."""

    def change(raw: bytes) -> bytes:
        (attributes,) = struct.unpack_from(">h", raw, ATTRIBUTES_AT)
        head = raw[:ATTRIBUTES_AT] + struct.pack(">h", attributes & ~7 | CODECS.index(codec))
        return sealed(head + raw[ATTRIBUTES_AT + 2 : HEADER.size] + bytes(len(raw) - HEADER.size))

    return change


def sealed(raw: bytes) -> bytes:
    """With the CRC that it has to have."""
    return raw[:CRC_AT] + CRC.pack(crc32c(raw[ATTRIBUTES_AT:])) + raw[ATTRIBUTES_AT:]
