"""What is shown together as `__other__`: values past `max_values`, whole label sets past `max_series`."""

from collections import Counter
from collections.abc import Collection
from itertools import chain

from stream.core.buckets import MINUTE
from stream.core.rules import Rules
from stream.core.windowing.fold import Fold, added, kept_values, smallest
from stream.core.windowing.groups import LabelSet
from stream.core.windows import Steps
from stream.exporter.board import Board


class Folding:
    """Decides for all boards at once. `folded` counts label sets newly folded, ever."""

    def __init__(self, rules: Rules, boards: Collection[Board], max_series: int) -> None:
        self.folded = 0
        self._rules = rules
        self._boards = boards
        self._max_series = max_series
        self._fold = Fold(rules.views, {})
        self._hidden: set[LabelSet] = set()
        self._minute = -1

    def decide(self, now: int, *, hour: bool) -> Steps:
        """Which values are shown: each hour, each minute while there are too many, and when new ones come.

        The ranking is by finished buckets first, so that it is that of the hour's beginning; what was folded for
        the series cap gets another chance each hour.
        """
        minute = now // MINUTE > self._minute
        self._minute = now // MINUTE
        appeared = any(board.windows.appeared for board in self._boards)
        if hour or appeared or (minute and self._fold.values):
            weights = added(chain.from_iterable(board.windows.weights() for board in self._boards))
            yield
            capped = frozenset() if hour else self._fold.capped
            yield from self._refold(Fold(self._rules.views, kept_values(weights, self._rules), capped))

    def cap(self, now: int) -> Steps:
        """Fold the smallest label sets until the page is no longer than it may be. All that is shown has to be live."""
        shown = [board for board in self._boards if board.shown]
        while (excess := sum(board.section.series for board in shown) - self._max_series) > 0:
            weights = added(
                (self._fold.shown(labels), weight)
                for board in self._boards
                for labels, weight in board.windows.weights()
            )
            sizes: Counter[LabelSet] = Counter()
            for board in shown:
                sizes.update(board.section.sizes)
            yield
            more = smallest(sizes, weights, excess)
            if not more:
                return
            yield from self._refold(self._fold._replace(capped=self._fold.capped | more))
            for board in shown:
                yield from board.read(now)

    def settle(self) -> None:
        """Count what this round has folded."""
        if self._fold.values or self._fold.capped or self._hidden:
            known = chain.from_iterable(board.windows.label_sets() for board in self._boards)
            hidden = {labels for labels in known if self._fold.shown(labels) != labels}
            self.folded += len(hidden - self._hidden)
            self._hidden = hidden

    def _refold(self, fold: Fold) -> Steps:
        self._fold = fold
        for board in self._boards:
            yield from board.windows.refold(fold)
