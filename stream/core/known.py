"""Caps on what a partition tells apart, so that a label set chosen by an attacker stays bounded."""

from collections.abc import Callable, Iterable

from stream.core.panes import Cell
from stream.core.rules import OTHER, Rules, Values

CODES = 1_000
"""Reason codes a survey and partition."""


class Known:
    """The values seen of each shown dimension and of each open code; new ones past a cap are `__other__`."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._most = 10 * rules.max_values
        self._sets: dict[tuple[str, str], set[str]] = {}
        self.capped: dict[Values, Values] = {}
        """What `dimensions` has answered so far."""
        self.learnt = 0
        """How often `learn` was called: what was answered before may be answered otherwise since."""

    def dimensions(self, values: Values) -> Values:
        """Dimension values, positional as in `Rules.dimensions`, with what exceeds the cap replaced."""
        capped = self.capped.get(values)
        if capped is None:
            if len(self.capped) >= 50_000:
                self.capped.clear()
            capped = self.capped[values] = self._cap(values)
        return capped

    def _cap(self, values: Values) -> Values:
        out = list(values)
        for i in self.rules.shown:
            if i < len(out) and (value := out[i]) is not None:
                out[i] = self._admit("", self.rules.dimensions[i], value, self._most)
        while out and out[-1] is None:
            out.pop()
        return tuple(out)

    def code(self, tally: str, group: str, code: str) -> str:
        """An open code of a tally (a reason of a survey), or `__other__`."""
        return self._admit(tally, group, code, CODES)

    def _admit(self, tally: str, group: str, value: str, most: int) -> str:
        have = self._sets.setdefault((tally, group), set())
        if value in have:
            return value
        if value == OTHER or len(have) >= most:
            return OTHER
        have.add(value)
        return value

    def learn(self, cells: Iterable[Cell], code_of: Callable[[Cell], tuple[str, str] | None]) -> None:
        """Begin again from the cells that panes hold: what has no pane any more makes room."""
        self._sets.clear()
        self.capped.clear()
        self.learnt += 1
        for cell in cells:
            for name, value in zip(self.rules.views.get(cell.view, ()), cell.values, strict=False):
                self._sets.setdefault(("", name), set()).add(value)
            if (found := code_of(cell)) is not None:
                self._sets.setdefault((cell.tally, found[0]), set()).add(found[1])
