"""The largest of many counts."""

from collections.abc import Mapping

from stream.core.model.aggregation_config import OTHER_VALUE


def largest_counts(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """Return the `most` largest positive counts by name, then the sum of the others as `__other__` unless it is 0.

    Equal counts are ordered by name.
    """
    other = counts.get(OTHER_VALUE, 0)
    ranked = sorted((-n, name) for name, n in counts.items() if n > 0 and name != OTHER_VALUE)
    rest = other - sum(n for n, _ in ranked[most:])  # counts in `ranked` are negative
    shown = [(name, -n) for n, name in ranked[:most]]
    return [*shown, (OTHER_VALUE, rest)] if rest else shown
