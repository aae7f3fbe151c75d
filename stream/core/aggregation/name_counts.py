"""Counts by names that publishers choose: of unknown fields and of ignored labels. Few are kept, and none that is odd."""

import re

from stream.core.model.aggregation_config import OTHER_VALUE

MAX_NAMES = 20
"""Names that are counted on their own, the first ones read. A partition has as many of labels, and of each type's fields."""
_NAME = re.compile("[a-z][a-z0-9_]{0,63}")


def count_name(counts: dict[str, int], name: str) -> None:
    """Add 1 to the count of a name, or to that of `__other__` if the name does not match or is past the limit."""
    if name not in counts:
        known = len(counts) - (OTHER_VALUE in counts)
        if known >= MAX_NAMES or _NAME.fullmatch(name) is None:
            name = OTHER_VALUE
    counts[name] = counts.get(name, 0) + 1
