"""Which dead letters are somebody's: by their key, and by what is written in them, usable or not."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from stream.operations.deadletters.dead_letter import DeadLetter


class PurgeSubject:
    """Whose letters are to go: keys, as they are, and customers, wherever a letter names them."""

    def __init__(self, keys: tuple[str, ...], customers: tuple[str, ...]) -> None:
        self._keys = {key.encode() for key in (*keys, *customers)}
        self._raw = [form for customer in customers for form in _forms(customer)]
        words = "|".join(map(re.escape, customers))
        self._named = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])").search if customers else None

    def matches(self, letter: DeadLetter) -> bool:
        """Whether a letter is of one of them.

        In JSON and in headers an id counts where it stands alone, also inside a text: `c-1` is not in `c-17`. In what
        is no JSON it counts wherever its bytes are: rather a letter too many than a trace.
        """
        if letter.key in self._keys:
            return True
        if self._named is None:
            return False
        if any(self._named(value.decode(errors="replace")) for _, value in letter.headers if value):
            return True
        if not letter.value:
            return False
        try:
            decoded = msgspec.json.decode(letter.value)
        except (ValueError, RecursionError):
            value = letter.value
            return any(form in value for form in self._raw)
        return any(self._named(text) for text in _texts(decoded))


def _forms(customer: str) -> set[bytes]:
    """The bytes of an id in JSON: as they are, or with escapes."""
    return {customer.encode(), *(json.dumps(customer, ensure_ascii=a)[1:-1].encode() for a in (True, False))}


def _texts(decoded: Any) -> Iterator[str]:
    """Every name, text and number in decoded JSON."""
    stack = [decoded]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            stack += value
        elif value is not None:
            yield str(value)
