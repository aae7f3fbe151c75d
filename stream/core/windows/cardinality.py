"""Which label sets are shown as they are, and which together as `__other__`."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig
from stream.core.windows.label_sets import LabelSet


class EventCount(NamedTuple):
    """Events of a label set or value in the longest window: in its finished buckets, and in all of them.

    Finished buckets come first in every ranking: within an hour they change with late events only, so that
    exporters that began at different times agree.
    """

    finished: int = 0
    total: int = 0


EventCounts = Mapping[LabelSet, EventCount]


class CardinalityPolicy(NamedTuple):
    """The decision: the values shown of a dimension (all, of one not named), label sets folded for the series cap."""

    views: Mapping[str, tuple[str, ...]]
    values: Mapping[str, frozenset[str]]
    capped: frozenset[LabelSet] = frozenset()

    def shown_as(self, labels: LabelSet) -> LabelSet:
        """The label set under which another is shown: itself, or one with `__other__` in it."""
        result = labels
        if self.values:
            result = LabelSet(
                labels.view,
                tuple(
                    value if (kept := self.values.get(name)) is None or value in kept else OTHER_VALUE
                    for name, value in zip(self.views[labels.view], labels.values, strict=True)
                ),
            )
        return other_of(result) if result in self.capped else result


def other_of(labels: LabelSet) -> LabelSet:
    """Where a whole label set goes when it is folded."""
    return LabelSet(labels.view, (OTHER_VALUE,) * len(labels.values))


def sum_counts(event_counts: Iterable[tuple[LabelSet, EventCount]]) -> dict[LabelSet, EventCount]:
    """Weights of equal label sets added up."""
    result: dict[LabelSet, EventCount] = {}
    for labels, event_count in event_counts:
        have = result.get(labels, EventCount())
        result[labels] = EventCount(have.finished + event_count.finished, have.total + event_count.total)
    return result


def largest_values(event_counts: EventCounts, config: AggregationConfig) -> dict[str, frozenset[str]]:
    """For each dimension with more than `max_values` values those that are shown: most events first, ties by value.

    The events of a value are those of the view that has the dimension and the fewest other labels.
    """
    kept = {}
    for name in {label for labels in config.views.values() for label in labels}:
        view = min((len(labels), view) for view, labels in config.views.items() if name in labels)[1]
        at = config.views[view].index(name)
        values = sum_counts(
            (LabelSet(name, (labels.values[at],)), event_count)
            for labels, event_count in event_counts.items()
            if labels.view == view and labels.values[at] != OTHER_VALUE
        )
        if len(values) > config.max_values:
            kept[name] = frozenset(labels.values[0] for labels in _ranked(values)[: config.max_values])
    return kept


def smallest_label_sets(
    sizes: Mapping[LabelSet, int], event_counts: EventCounts, excess: int
) -> frozenset[LabelSet]:
    """Shown label sets to fold so that `excess` series go: fewest events first, never `total`.

    `sizes`: series by shown label set; a view's first folded set makes room for nothing, as its series move on.
    """
    known = {labels: event_counts.get(labels, EventCount()) for labels in sizes if labels != other_of(labels)}
    result = set()
    there = set(sizes)
    for labels in reversed(_ranked(known)):
        if excess <= 0:
            break
        result.add(labels)
        if other_of(labels) in there:
            excess -= sizes[labels]
        there.add(other_of(labels))
    return frozenset(result)


def _ranked(event_counts: EventCounts) -> list[LabelSet]:
    return sorted(
        event_counts, key=lambda labels: (-event_counts[labels].finished, -event_counts[labels].total, labels)
    )
