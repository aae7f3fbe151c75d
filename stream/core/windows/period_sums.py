"""Sums of flows over whole hours in the past, and the samples that metrics read from them."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from stream.core.metrics.metric import Metric, Sample
from stream.core.model.aggregate import OwnLabels, Vector, add
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.pane_blocks import decode_block
from stream.core.model.periods import ComparedPeriod, Hours
from stream.core.model.time_buckets import HOURS, Window
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import CooperativeSteps, RollingWindows
from stream.core.windows.summed_blocks import PackedBlock, sum_range
from stream.core.windows.timeline import SummedFlows

_Flows = dict[str, dict[OwnLabels, Vector]]
"""Sums by aggregate."""


class _TakenBlock(NamedTuple):
    """A block as it was when it was taken, and the label set under which its sums were shown."""

    labels: LabelSet
    aggregate: str
    own_labels: OwnLabels
    block: PackedBlock


class PeriodSums:
    """The flows of some metrics and views in a period and in the one before it.

    First `take`, then `add_up`, then `samples`. Only the first reads the windows.
    """

    def __init__(self, metrics: Iterable[Metric], views: Collection[str], period: ComparedPeriod) -> None:
        self._views = views
        self._period = period
        self._aggregates = {
            aggregate.name
            for metric in metrics
            for aggregate in metric.aggregates
            if aggregate.kind in ("flow", "due_flow")
        }
        self._taken: list[_TakenBlock] = []
        self._sums: dict[Hours, dict[LabelSet, _Flows]] = {hours: {} for hours in period}

    def take(self, windows: RollingWindows) -> CooperativeSteps:
        """Take the blocks of hours of a domain, in short steps. The windows may not change between them."""
        first, last = self._period.before.buckets[0], self._period.hours.buckets[1]
        for cell, block in windows.hour_blocks(first, last):
            sums = cell.sums
            if sums.labels.view in self._views and sums.aggregate.name in self._aggregates:
                shown = (sums.shown_in or sums).labels
                self._taken.append(_TakenBlock(shown, sums.aggregate.name, cell.own_labels, block))
            yield

    def add_up(self) -> CooperativeSteps:
        """Add up what was taken, in short steps."""
        for labels, aggregate, own_labels, (number, packed) in self._taken:
            vector = decode_block(packed)
            for hours, by_label_set in self._sums.items():
                part = sum_range(HOURS.code, number, vector, *hours.buckets)
                if part:
                    flows = by_label_set.setdefault(labels, {})
                    add(flows.setdefault(aggregate, {}).setdefault(own_labels, {}), part)
            yield
        self._taken.clear()

    def samples(
        self, metric: Metric, config: AggregationConfig, *, before: bool = False
    ) -> Iterator[tuple[LabelSet, Sample]]:
        """Yield the samples of a metric by label set, those of the view `total` also without data.

        `before`: those of the families to be compared, in the period before, under the names for it.
        """
        hours = self._period.before if before else self._period.hours
        window, by_label_set = Window("", hours.end - hours.start), self._sums[hours]
        names = {aggregate.name for aggregate in metric.aggregates}
        if metric.read_flows is None:
            return
        for labels in sorted({TOTAL_LABELS, *by_label_set}):
            flows = by_label_set.get(labels, {})
            if labels.view not in self._views or not (labels == TOTAL_LABELS or names & flows.keys()):
                continue
            context = SummedFlows(config, labels, hours.end, flows)
            read = metric.previous_samples if before else metric.read_flows
            yield from ((labels, sample) for sample in read(context, window))
