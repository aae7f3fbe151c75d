"""Which label sets are shown as they are, and which together as `__other__`."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream.core.rules import OTHER, Rules
from stream.core.windowing.groups import LabelSet


class Weight(NamedTuple):
    """Events of a label set or value in the longest window: in its finished buckets, and in all of them.

    Finished buckets come first in every ranking: within an hour they change with late events only, so that
    exporters that began at different times agree.
    """

    finished: int = 0
    total: int = 0


Weights = Mapping[LabelSet, Weight]


class Fold(NamedTuple):
    """The decision: the values shown of a dimension (all, of one not named), label sets folded for the series cap."""

    views: Mapping[str, tuple[str, ...]]
    values: Mapping[str, frozenset[str]]
    capped: frozenset[LabelSet] = frozenset()

    def shown(self, labels: LabelSet) -> LabelSet:
        """The label set under which another is shown: itself, or one with `__other__` in it."""
        found = labels
        if self.values:
            found = LabelSet(
                labels.view,
                tuple(
                    value if (kept := self.values.get(name)) is None or value in kept else OTHER
                    for name, value in zip(self.views[labels.view], labels.values, strict=True)
                ),
            )
        return rest(found) if found in self.capped else found


def rest(labels: LabelSet) -> LabelSet:
    """Where a whole label set goes when it is folded."""
    return LabelSet(labels.view, (OTHER,) * len(labels.values))


def added(weights: Iterable[tuple[LabelSet, Weight]]) -> dict[LabelSet, Weight]:
    """Weights of equal label sets added up."""
    found: dict[LabelSet, Weight] = {}
    for labels, weight in weights:
        have = found.get(labels, Weight())
        found[labels] = Weight(have.finished + weight.finished, have.total + weight.total)
    return found


def kept_values(weights: Weights, rules: Rules) -> dict[str, frozenset[str]]:
    """For each dimension with more than `max_values` values those that are shown: most events first, ties by value.

    The events of a value are those of the view that has the dimension and the fewest other labels.
    """
    kept = {}
    for name in {label for labels in rules.views.values() for label in labels}:
        view = min((len(labels), view) for view, labels in rules.views.items() if name in labels)[1]
        at = rules.views[view].index(name)
        values = added(
            (LabelSet(name, (labels.values[at],)), weight)
            for labels, weight in weights.items()
            if labels.view == view and labels.values[at] != OTHER
        )
        if len(values) > rules.max_values:
            kept[name] = frozenset(labels.values[0] for labels in _ranked(values)[: rules.max_values])
    return kept


def smallest(sizes: Mapping[LabelSet, int], weights: Weights, excess: int) -> frozenset[LabelSet]:
    """Shown label sets to fold so that `excess` series go: fewest events first, never `total`.

    `sizes`: series by shown label set; a view's first folded set makes room for nothing, as its series move on.
    """
    known = {labels: weights.get(labels, Weight()) for labels in sizes if labels != rest(labels)}
    found = set()
    there = set(sizes)
    for labels in reversed(_ranked(known)):
        if excess <= 0:
            break
        found.add(labels)
        if rest(labels) in there:
            excess -= sizes[labels]
        there.add(rest(labels))
    return frozenset(found)


def _ranked(weights: Weights) -> list[LabelSet]:
    return sorted(weights, key=lambda labels: (-weights[labels].finished, -weights[labels].total, labels))
