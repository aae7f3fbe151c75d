"""Metrics: a versioned definition with its series, the aggregates that it reads, panels and headlines."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

import msgspec

from stream.core.model.aggregate import Aggregate, VectorsByLabels
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import Window

Unit = Literal["points", "ratio", "seconds", "count", "money"]
"""Points of a score, a ratio from 0 to 1, seconds, a plain number, an amount in major units of its label `currency`."""


class Family(NamedTuple):
    """A Prometheus metric family. `labels` are those besides `view`, the view's labels and `window`.

    Panels and headlines take their unit from the family that they show.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    type: Literal["gauge", "counter", "summary"] = "gauge"
    windowed: bool = True
    unit: Unit = "count"


@cache
def previous(family: Family) -> Family:
    """Return the family of the same figure in the window before: of the same length, ending where the window begins."""
    return family._replace(name=f"{family.name}_previous", help=f"{family.help}. In the window before")


class Line(NamedTuple):
    """Lines of a panel: one for each value of the labels `by`, of the series with the label values `where`.

    Series that differ in other labels are added up, which is right for counts only.
    """

    family: Family
    name: str = ""
    by: tuple[str, ...] = ()
    where: Mapping[str, str] = MappingProxyType({})

    @property
    def summed(self) -> tuple[str, ...]:
        """The labels over which series are added up."""
        return tuple(label for label in self.family.labels if label not in (*self.by, *self.where))


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard panel: lines of one unit and, for a score, its bounds and sample sizes."""

    title: str
    lines: tuple[Line, ...]
    bounds: tuple[Family, Family] | None = None
    samples: tuple[Line, ...] = ()
    min: float | None = None
    max: float | None = None

    @property
    def unit(self) -> Unit:
        """The unit of its lines."""
        return self.lines[0].family.unit


class Sample(NamedTuple):
    """A value of a series: family, values of the family's own labels, value."""

    family: Family
    labels: tuple[str, ...]
    value: float


class Headline(NamedTuple):
    """The series that represents a metric on a tile of the live page.

    The families of bounds, sample size and time line may have other labels. Samples that agree in all common labels are
    added up.

    Attributes:
        labels: the values of the family's own labels. A None among them means one tile for each observed value
        low: the family of the lower 95 % bound, None if there is none
        high: the family of the upper 95 % bound, None if there is none
        sample_size: the family of the sample size, None if there is none
        sample_labels: label values of the samples to add up, beside those in common
        timeline_family: the family of the time line, None if there is none
        variance: returns the variance of one answer by the samples of the sample size (own labels to value), for a score
            whose answers are no yes or no
    """

    title: str
    family: Family
    better: Literal["higher", "lower"]
    labels: tuple[str | None, ...] = ()
    low: Family | None = None
    high: Family | None = None
    sample_size: Family | None = None
    timeline_family: Family | None = None
    sample_labels: Mapping[str, str] = MappingProxyType({})
    variance: Callable[[Mapping[tuple[str, ...], float]], float] | None = None

    @property
    def unit(self) -> Unit:
        """The unit of its family."""
        return self.family.unit


class FlowContext(Protocol):
    """The flows of one label set of a view, over a window or over one point of its time line."""

    @property
    def config(self) -> AggregationConfig:
        """The settings that change figures."""

    @property
    def total(self) -> bool:
        """True for the view `total`, which always shows every closed label value."""

    @property
    def now(self) -> int:
        """The time of the read-out, in ms."""

    def flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return sums over the time range, for aggregates of kind `flow`, `open_flow` and `due_flow`."""


class ReadContext(FlowContext, Protocol):
    """Everything about one label set of a view, for one window or for figures without a window."""

    def last_30_days(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return sums over the last 30 days, also if no such window is configured."""

    def lagged_flow(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return sums over the window moved back by seven days and one bucket. Empty for windows below 7 d."""

    def stock(self, aggregate: Aggregate) -> VectorsByLabels:
        """Return running totals."""

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        """Return the vectors of the items open now by the minute (since the epoch) in which they were opened."""


FlowReader = Callable[[FlowContext, Window], Iterator[Sample]]
WindowReader = Callable[[ReadContext, Window], Iterator[Sample]]
StockReader = Callable[[ReadContext], Iterator[Sample]]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric: its definition, its series, and how these are read from aggregates.

    When one of the `aggregates` changes, the series are read again.
    """

    name: str
    version: int = 1
    title: str
    definition: str
    formula: str
    excluded: str = ""
    """Events and entities that are not counted, beside records that were not accepted."""
    source: str
    """The origin of the formula."""
    example: str
    """A PromQL expression worth copying."""
    aggregates: tuple[Aggregate, ...]
    families: tuple[Family, ...]
    panels: tuple[Panel, ...] = ()
    """Its panels on dashboards. Its tile there shows lines of the first one."""
    read_flows: FlowReader | None = None
    """Reads series of a window from its flows alone, hence also for every point of its time line."""
    read: WindowReader | None = None
    """Reads the other series of a window."""
    read_stock: StockReader | None = None
    """Reads the series without a window."""
    headlines: tuple[Headline, ...] = ()
    """Its tiles on the live page, in this order."""
    compared: tuple[Family, ...] = ()
    """Families of `read_flows` that are also exposed for the window before: scores, ratios, means, sample sizes, numbers of events."""

    @property
    def all_families(self) -> tuple[Family, ...]:
        """Its families, those of the window before at the end."""
        return (*self.families, *map(previous, self.compared))

    def window_samples(self, context: ReadContext, window: Window) -> Iterator[Sample]:
        """Yield the samples of all series of the metric in a window."""
        if self.read_flows is not None:
            yield from self.read_flows(context, window)
        if self.read is not None:
            yield from self.read(context, window)

    def previous_samples(self, context: FlowContext, window: Window) -> Iterator[Sample]:
        """Yield the samples of the families to be compared. `context` has the flows of the window before."""
        if self.read_flows is not None:
            for sample in self.read_flows(context, window):
                if sample.family in self.compared:
                    yield sample._replace(family=previous(sample.family))
