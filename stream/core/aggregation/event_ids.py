"""Event IDs in stored answers, which decide between answers of one revision and moment.

Most publishers use UUIDs. A canonical UUID of 36 characters is stored as its 16 bytes, because an answer takes only some
hundred bytes and the state has one for each. Every other ID is stored as it is, uncut: of two long IDs with a common
beginning the one that was read first would win otherwise. IDs are compared decoded, by code points.
"""

import re
from binascii import hexlify, unhexlify
from collections.abc import Sequence
from struct import unpack
from uuid import UUID

CompactId = bytes | str
"""16 bytes of a UUID, or another ID as text. No msgspec struct can declare this union, so they have `Any`."""

_LENGTH = 36
_DASHES = (8, 13, 18, 23)
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def compact_id(event_id: str) -> CompactId:
    """Return the stored form of an ID."""
    is_uuid = len(event_id) == _LENGTH and _UUID.fullmatch(event_id)
    return unhexlify(event_id.replace("-", "")) if is_uuid else event_id


def compact_ids(event_ids: Sequence[str]) -> Sequence[CompactId]:
    """Return the stored forms of IDs. Converting a batch of UUIDs costs little more than converting one."""
    if (uuids := _uuid_bytes(event_ids)) is not None:
        return uuids
    return [compact_id(event_id) if len(event_id) == _LENGTH else event_id for event_id in event_ids]


def expand_id(stored: CompactId) -> str:
    """Return an ID from its stored form."""
    return stored if isinstance(stored, str) else str(UUID(bytes=stored))


def _uuid_bytes(event_ids: Sequence[str]) -> Sequence[bytes] | None:
    """Return the bytes of each ID, None unless all of them are canonical UUIDs in lower case."""
    n = len(event_ids)
    if set(map(len, event_ids)) != {_LENGTH}:
        return None
    joined = "".join(event_ids)
    if any(joined[i::_LENGTH] != "-" * n for i in _DASHES):
        return None
    digits = joined.encode().translate(None, b"-")
    try:
        packed = unhexlify(digits)
    except ValueError:
        return None
    # An ID with further dashes has fewer digits, and one in upper case is another ID.
    return unpack("16s" * n, packed) if len(packed) == 16 * n and hexlify(packed) == digits else None
