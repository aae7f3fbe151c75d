"""Time lines: a window divided into points, each with its own samples."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stream.core.metrics.metric import Metric, Sample
from stream.core.model.aggregate import Aggregate, OwnLabels, Vector, VectorsByLabels
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import DAY, HOUR, MINUTE, Window
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.rolling import RollingWindows

MAX_POINTS = 32
"""The largest number of points of a window."""
POINT_SIZES = (
    *(n * MINUTE for n in (1, 2, 3, 5, 10, 15, 20, 30)),
    *(n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(n * DAY for n in (1, 2, 3, 5, 7, 14, 28, 56)),
)
"""Allowed lengths of a point in ms, round enough for an axis."""

STEP_ENTRIES = 500
"""Block entries that are added up in one step."""


class TimelinePoint(NamedTuple):
    """The samples that a metric reads from its flows in one part of a window, which begins at `start` (ms)."""

    start: int
    samples: tuple[Sample, ...]


def point_size(window: Window) -> int:
    """Return the length of a window's points in ms. Points begin at multiples of it."""
    whole = (size for size in POINT_SIZES if size % window.resolution.step == 0)
    return next(size for size in whole if window.span // size <= MAX_POINTS)


def timeline(
    windows: RollingWindows, metric: Metric, labels: LabelSet, slot: int
) -> Iterator[TimelinePoint | None]:
    """Yield the points of a window by its number. The first and the last may be shorter than the others.

    None is yielded after each step of the work, so that the caller can pause. Without `read_flows` there is no point.
    """
    if metric.read_flows is None:
        return
    window: Window = windows.config.windows[slot]
    buckets = point_size(window) // window.resolution.step
    first, last = windows.edges(slot)
    sums_by_point: dict[int, dict[str, dict[OwnLabels, Vector]]] = {}
    steps = 0
    for aggregate in metric.aggregates:
        if aggregate.kind in ("flow", "due_flow"):
            for own_labels, bucket, component, n in windows.buckets(aggregate.name, labels, slot):
                cells = sums_by_point.setdefault(bucket // buckets, {}).setdefault(aggregate.name, {})
                vector = cells.setdefault(own_labels, {})
                vector[component] = vector.get(component, 0) + n
                steps += 1
                if steps % STEP_ENTRIES == 0:
                    yield None
    for number in range(first // buckets, last // buckets + 1):
        start = max(number * buckets, first) * window.resolution.step
        context = SummedFlows(windows.config, labels, start, sums_by_point.get(number, {}))
        yield TimelinePoint(start, tuple(metric.read_flows(context, window)))


class SummedFlows:
    """A `FlowContext` of sums by aggregate. `now` is the time of the read-out in ms."""

    def __init__(
        self, config: AggregationConfig, labels: LabelSet, now: int, flows: Mapping[str, VectorsByLabels]
    ) -> None:
        self.config = config
        self.total = not labels.values
        self.now = now
        self._flows = flows

    def flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return the sums of an aggregate."""
        return self._flows.get(aggregate.name, {})
