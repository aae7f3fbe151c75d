"""The subject of a purge: dead letters by key, and by IDs in values and headers, valid JSON or not."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from stream.operations.deadletters.dead_letter import DeadLetter


class PurgeSubject:
    """The keys and customers whose dead letters are purged.

    A customer's ID is also searched in values and headers.
    """

    def __init__(self, keys: tuple[str, ...], customers: tuple[str, ...]) -> None:
        self._keys = {key.encode() for key in (*keys, *customers)}
        self._encoded_ids = [encoded for customer in customers for encoded in _encodings(customer)]
        words = "|".join(map(re.escape, customers))
        self._find_id = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])").search if customers else None

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter belongs to one of the keys or customers.

        In JSON and in headers an ID matches as a whole word, also inside a text, so `c-1` is not in `c-17`.
        In a value that is not JSON any occurrence of its bytes matches, because a purge must leave no trace.
        """
        if dead_letter.key in self._keys:
            return True
        if self._find_id is None:
            return False
        if any(self._find_id(value.decode(errors="replace")) for _, value in dead_letter.headers if value):
            return True
        if not dead_letter.value:
            return False
        try:
            decoded = msgspec.json.decode(dead_letter.value)
        except (ValueError, RecursionError):
            value = dead_letter.value
            return any(encoded in value for encoded in self._encoded_ids)
        return any(self._find_id(text) for text in _texts(decoded))


def _encodings(customer: str) -> set[bytes]:
    """Return the encodings of an ID in JSON, with and without escapes."""
    return {customer.encode(), *(json.dumps(customer, ensure_ascii=a)[1:-1].encode() for a in (True, False))}


def _texts(decoded: Any) -> Iterator[str]:
    """Yield every name, text and number in decoded JSON."""
    stack = [decoded]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            stack += value
        elif value is not None:
            yield str(value)
