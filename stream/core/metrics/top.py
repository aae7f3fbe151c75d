"""The largest of many counts."""

from collections.abc import Mapping

from stream.core.model.aggregation_config import OTHER_VALUE


def largest_counts(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """The `most` largest positive counts, ties by name; the others added up under `__other__`, last."""
    other = counts.get(OTHER_VALUE, 0)
    ranked = sorted((-n, name) for name, n in counts.items() if n > 0 and name != OTHER_VALUE)
    rest = other - sum(n for n, _ in ranked[most:])
    shown = [(name, -n) for n, name in ranked[:most]]
    return [*shown, (OTHER_VALUE, rest)] if rest else shown
