"""Cardinality limits of a partition, which hold even if an attacker chooses the label values."""

from collections.abc import Collection, Iterable

from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig, DimensionValues
from stream.core.model.pane_blocks import Cell

MAX_CODES = 1_000
"""Open codes (reasons) a group and partition."""


class CardinalityLimiter:
    """The known values of each projected dimension and each open code. New ones past a cap become `__other__`."""

    def __init__(self, config: AggregationConfig) -> None:
        self.config = config
        self._max_values = 10 * config.max_values
        self._known_values: dict[tuple[str, str], set[str]] = {}
        self.capped_cache: dict[DimensionValues, DimensionValues] = {}
        """Results of `cap_values`."""
        self.rebuilds = 0
        """Number of calls of `rebuild`. A result from before the last one may be stale."""

    def cap_values(self, values: DimensionValues) -> DimensionValues:
        """Return dimension values, positional as in `config.dimensions`, with `__other__` for those past the cap."""
        capped = self.capped_cache.get(values)
        if capped is None:
            if len(self.capped_cache) >= 50_000:
                self.capped_cache.clear()
            capped = self.capped_cache[values] = self._cap(values)
        return capped

    def _cap(self, values: DimensionValues) -> DimensionValues:
        out = list(values)
        for i in self.config.projected_dimensions:
            if i < len(out) and (value := out[i]) is not None:
                out[i] = self._admit("", self.config.dimensions[i], value, self._max_values)
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
            for name, value in zip(self.config.views.get(cell.view, ()), cell.values, strict=False):
                self._known_values.setdefault(("", name), set()).add(value)
            if cell.aggregate in open_codes:
                *group, code = cell.own_labels
                self._known_values.setdefault((cell.aggregate, "".join(group)), set()).add(code)
