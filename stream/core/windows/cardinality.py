"""The cardinality limit of the exporter: label sets beyond it are folded into `__other__`."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream.core.model.aggregation_config import OTHER_VALUE, AggregationConfig
from stream.core.windows.label_sets import LabelSet


class EventCount(NamedTuple):
    """Number of events of a label set or value in the longest window: in finished buckets, and in all buckets.

    Rankings compare finished buckets first. Within an hour only late events change these, so replicas that were
    started at different times agree.
    """

    finished: int = 0
    total: int = 0


EventCounts = Mapping[LabelSet, EventCount]


class CardinalityPolicy(NamedTuple):
    """The label sets that are folded.

    Attributes:
        views: the dimensions of each view
        values: the values shown of each dimension. A dimension that is missing here shows all of its values
        capped: label sets folded because of the limit on series
    """

    views: Mapping[str, tuple[str, ...]]
    values: Mapping[str, frozenset[str]]
    capped: frozenset[LabelSet] = frozenset()

    def shown_as(self, labels: LabelSet) -> LabelSet:
        """Return the label set under which a label set is shown: itself, or one that contains `__other__`."""
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
    """Return the label set into which a whole label set is folded."""
    return LabelSet(labels.view, (OTHER_VALUE,) * len(labels.values))


def sum_counts(event_counts: Iterable[tuple[LabelSet, EventCount]]) -> dict[LabelSet, EventCount]:
    """Return the sums of the counts of equal label sets."""
    result: dict[LabelSet, EventCount] = {}
    for labels, event_count in event_counts:
        total = result.get(labels, EventCount())
        result[labels] = EventCount(total.finished + event_count.finished, total.total + event_count.total)
    return result


def largest_values(event_counts: EventCounts, config: AggregationConfig) -> dict[str, frozenset[str]]:
    """Return the values shown of each dimension that has more than `max_values` of them.

    Values with the most events are shown, ties are decided by value. Events are counted in the view that has the
    dimension and the fewest other labels.
    """
    kept = {}
    for name in {label for labels in config.views.values() for label in labels}:
        view = min((len(labels), view) for view, labels in config.views.items() if name in labels)[1]
        position = config.views[view].index(name)
        values = sum_counts(
            (LabelSet(name, (labels.values[position],)), event_count)
            for labels, event_count in event_counts.items()
            if labels.view == view and labels.values[position] != OTHER_VALUE
        )
        if len(values) > config.max_values:
            kept[name] = frozenset(labels.values[0] for labels in _ranked(values)[: config.max_values])
    return kept


def smallest_label_sets(
    sizes: Mapping[LabelSet, int], event_counts: EventCounts, excess: int
) -> frozenset[LabelSet]:
    """Return the shown label sets to fold so that `excess` series disappear: those with the fewest events.

    `total` is never folded. `sizes` are the numbers of series by shown label set. The first set that is folded in a
    view frees no series, because its `__other__` has as many.
    """
    foldable = {
        labels: event_counts.get(labels, EventCount()) for labels in sizes if labels != other_of(labels)
    }
    result = set()
    shown = set(sizes)
    for labels in reversed(_ranked(foldable)):
        if excess <= 0:
            break
        result.add(labels)
        if other_of(labels) in shown:
            excess -= sizes[labels]
        shown.add(other_of(labels))
    return frozenset(result)


def _ranked(event_counts: EventCounts) -> list[LabelSet]:
    return sorted(
        event_counts, key=lambda labels: (-event_counts[labels].finished, -event_counts[labels].total, labels)
    )
