"""The change of a tile's figure from the window before, split by the label sets of a view."""

import heapq
from collections.abc import Iterable
from math import fsum
from typing import Any

from stream.core.metrics.changes import Period
from stream.core.metrics.decomposition import Effect, Group, decompose, remainder
from stream.core.metrics.headlines import HEADLINES, Tile
from stream.core.metrics.metric import previous
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.live.figures import Figures

MAX_ROWS = 20
"""Maximum number of label sets that are shown. Those with the largest effects are."""

MAX_LABEL_SETS = 500
"""Maximum number of label sets that are told apart. The answers of those with fewer are in the rest."""

Groups = dict[LabelSet, Group[float]]
"""The answers by label set. Those in none of them are at `TOTAL_LABELS`."""
_Both = tuple[Group[float] | None, Group[float] | None]
"""The answers in the window and in the one before, None where there are none."""


class Decompositions:
    """Reads decompositions from the figures of the page."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def read(
        self, tile: Tile, view: str, window_index: int, into: list[dict[str, Any] | None]
    ) -> CooperativeSteps:
        """Append the decomposition of a tile's change by a view to `into`, in short steps.

        It is None for the view `total`, for a figure that is no mean of answers, and without a window before.
        """
        shown = HEADLINES[tile.number]
        total: _Both = (None, None)
        if view != TOTAL_LABELS.view and shown.is_compared_mean:
            total = self._groups(tile, TOTAL_LABELS, window_index)
        if total[0] is None or total[1] is None:
            into.append(None)
            return
        by_label_set: dict[LabelSet, _Both] = {}
        for family in (shown.headline.family, previous(shown.headline.family)):
            for labels in self._figures.label_sets(family, view, window_index):
                if labels is not None and labels not in by_label_set:
                    by_label_set[labels] = self._groups(tile, labels, window_index)
                yield
        largest = heapq.nsmallest(
            MAX_LABEL_SETS,
            by_label_set,
            key=lambda labels: (-sum(group.n for group in by_label_set[labels] if group), labels),
        )
        yield
        now, before = (
            _with_rest(
                of_total, {labels: group for labels in largest if (group := by_label_set[labels][period])}
            )
            for period, of_total in enumerate((total[0], total[1]))
        )
        into.append(_payload(now, before))

    def _groups(self, tile: Tile, labels: LabelSet, window_index: int) -> _Both:
        """Return the answers of a label set in both windows."""
        now, before = (
            self._figures.period(tile, labels, window_index, before=before) for before in (False, True)
        )
        return _group(now), _group(before)


def _group(period: Period | None) -> Group[float] | None:
    return Group(period.n, period.value) if period is not None and period.n else None


def _with_rest(total: Group[float], groups: Groups) -> Groups:
    rest = remainder(total, groups)
    return groups if rest is None else {**groups, TOTAL_LABELS: rest}


def _payload(now: Groups, before: Groups) -> dict[str, Any]:
    """Return the label sets with the largest effects, the sum of the `more` others, the rest, and the sum of everything."""
    effects = decompose(now, before)

    def row(labels: LabelSet) -> dict[str, Any]:
        group, group_before = now.get(labels), before.get(labels)
        return {
            "labels": labels.values,
            "value": group and group.mean,
            "before": group_before and group_before.mean,
            "n": group.n if group else 0,
            "n_before": group_before.n if group_before else 0,
            **effects[labels]._asdict(),
        }

    label_sets = [labels for labels in effects if labels != TOTAL_LABELS]
    ranked = sorted(label_sets, key=lambda labels: (-abs(sum(effects[labels])), labels))
    hidden = [effects[labels] for labels in ranked[MAX_ROWS:]]
    return {
        "rows": [row(labels) for labels in ranked[:MAX_ROWS]],
        "more": {"label_sets": len(hidden), **_sum(hidden)} if hidden else None,
        "rest": row(TOTAL_LABELS) if TOTAL_LABELS in effects else None,
        **_sum(effects.values()),
    }


def _sum(effects: Iterable[Effect[float]]) -> dict[str, float]:
    mixes, rates = zip(*effects, strict=True)
    return {"mix": fsum(mixes), "rate": fsum(rates)}
