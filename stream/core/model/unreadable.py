"""Record batches that cannot be read, and orders to skip one. Orders are kept beside the entities."""

from typing import NamedTuple

import msgspec

ORDER = b"\0skip "
"""Prefix of the keys of skip orders. Keys of entities begin with a letter."""


class UnreadableBatch(NamedTuple):
    """A record batch that cannot be read. It ends the records that were fetched before it.

    Attributes:
        offset: the base offset of the batch
        end: the offset after the batch, by its header or by the batch behind it
        reason: the fault of the batch, without any of its content
        control: True if the batch holds a transaction marker instead of records
    """

    offset: int
    end: int
    reason: str
    control: bool = False

    def records(self, begin: int) -> int:
        """Return the number of its records from the offset `begin` on."""
        return 0 if self.control else max(0, self.end - max(self.offset, begin))


class SkipOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order to read on at `end` when the batch at an offset is unreadable, and to count `records` as skipped."""

    end: int
    records: int
    ordered: int = 0
    """Time of the order in ms since the epoch."""


def end_of(base: int, header: int, following: int | None) -> int:
    """Return the offset after an unreadable batch, which contains at least the record at `base`.

    `following` is the base offset of the batch behind it, None if that was not fetched. It is preferred to `header`,
    the end according to the batch's own header, which may be damaged.
    """
    return max(base + 1, header if following is None else following)


def order_key(offset: int) -> bytes:
    """Return the key of the order to skip the batch at an offset."""
    return ORDER + b"%d" % offset


def ordered_offset(key: bytes) -> int:
    """Return the offset that an order's key names."""
    return int(key[len(ORDER) :])


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(SkipOrder).decode
