"""The limit on the nesting of JSON values. Python's own limit differs by version and call stack."""

import re
from itertools import accumulate

MAX_DEPTH = 500
"""Allowed levels of arrays and objects in a value. Python 3.11 decodes some 990, Python 3.13 10,000."""

ALWAYS_SHALLOW = 2 * MAX_DEPTH
"""A valid value of at most this many bytes is within the limit, because each level takes two bytes."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


def is_too_deep(value: bytes) -> bool:
    """Return whether JSON has more than `MAX_DEPTH` levels. Brackets inside strings do not count."""
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", value).translate(None, delete=_NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH
