"""Caps on what a partition tells apart, so that a label set chosen by an attacker stays bounded."""

from collections.abc import Collection, Iterable

from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig, DimensionValues
from stream.core.model.pane_blocks import Cell

MAX_CODES = 1_000
"""Reason codes a survey and partition."""


class CardinalityLimiter:
    """The values seen of each shown dimension and of each open code; new ones past a cap are `__other__`."""

    def __init__(self, config: AggregationConfig) -> None:
        self.rules = config
        self._max_values = 10 * config.max_values
        self._known_values: dict[tuple[str, str], set[str]] = {}
        self.capped_cache: dict[DimensionValues, DimensionValues] = {}
        """What `dimensions` has answered so far."""
        self.rebuilds = 0
        """How often `learn` was called: what was answered before may be answered otherwise since."""

    def cap_values(self, values: DimensionValues) -> DimensionValues:
        """Dimension values, positional as in `Rules.dimensions`, with what exceeds the cap replaced."""
        capped = self.capped_cache.get(values)
        if capped is None:
            if len(self.capped_cache) >= 50_000:
                self.capped_cache.clear()
            capped = self.capped_cache[values] = self._cap(values)
        return capped

    def _cap(self, values: DimensionValues) -> DimensionValues:
        out = list(values)
        for i in self.rules.projected_dimensions:
            if i < len(out) and (value := out[i]) is not None:
                out[i] = self._admit("", self.rules.dimensions[i], value, self._max_values)
        while out and out[-1] is None:
            out.pop()
        return tuple(out)

    def cap_code(self, aggregate: str, group: str, code: str) -> str:
        """Return an open code of an aggregate (a reason of a survey), or `__other__` past the cap of its group."""
        return self._admit(aggregate, group, code, MAX_CODES)

    def _admit(self, aggregate: str, group: str, value: str, max_values: int) -> str:
        known = self._known_values.setdefault((aggregate, group), set())
        if value in known:
            return value
        if value == OTHER_VALUE or len(known) >= max_values:
            return OTHER_VALUE
        known.add(value)
        return value

    def rebuild(self, cells: Iterable[Cell], open_codes: Collection[str]) -> None:
        """Rebuild the known values from the cells that panes hold. Values that no longer occur free their slot.

        `open_codes`: see `Domain.open_codes`.
        """
        self._known_values.clear()
        self.capped_cache.clear()
        self.rebuilds += 1
        for cell in cells:
            for name, value in zip(self.rules.views.get(cell.view, ()), cell.values, strict=False):
                self._known_values.setdefault(("", name), set()).add(value)
            if cell.aggregate in open_codes:
                *group, code = cell.own_labels
                self._known_values.setdefault((cell.aggregate, "".join(group)), set()).add(code)
