"""The largest of many counts."""

from collections.abc import Mapping

from stream.core.rules import OTHER


def top(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """The `most` largest positive counts, ties by name; the others added up under `__other__`, last."""
    other = counts.get(OTHER, 0)
    ranked = sorted((-n, name) for name, n in counts.items() if n > 0 and name != OTHER)
    rest = other - sum(n for n, _ in ranked[most:])
    shown = [(name, -n) for n, name in ranked[:most]]
    return [*shown, (OTHER, rest)] if rest else shown
