"""Records, settings and figures for tests of the core, without Kafka."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from schemas.codec import encode, make
from schemas.keys import owner_of
from schemas.topics import partition_of
from stream.core.aggregation.pane_store import PaneStore
from stream.core.aggregation.rebuild import RebuiltSlice, rebuild
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics.metric import Metric, Sample
from stream.core.model.aggregate import Aggregate
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.pane_blocks import unpack_block
from stream.core.model.time_buckets import BY_CODE, MINUTES, Window

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NOW = 1_790_000_000_000
"""The time of the tests: 2026-09-21."""

WINDOWS = (
    Window("5m", 5 * MINUTE),
    Window("1h", HOUR),
    Window("24h", DAY),
    Window("7d", 7 * DAY),
    Window("30d", 30 * DAY),
)
VIEWS = {"total": (), "channel": ("channel",), "touchpoint": ("touchpoint",)}


def aggregation_config(**changes: Any) -> AggregationConfig:
    """Return the default settings with changes."""
    defaults = {
        "windows": WINDOWS,
        "labels": ("brand", "product", "region", "segment"),
        "views": VIEWS,
        "config_hash": "test",
    }
    return AggregationConfig(**(defaults | changes))


class FakeRecord(NamedTuple):
    """A record as read from Kafka."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Event(NamedTuple):
    """An event to be written: data, event time, record timestamp and ID."""

    data: Any
    at: int
    stamp: int
    id: str = "e"
    source: str = "/test"

    def value(self) -> bytes:
        """Return the structured JSON."""
        return encode(make(self.data, id=self.id, source=self.source, time=self.at))


def with_fields(value: bytes, **fields: Any) -> bytes:
    """Return an encoded event with further fields in its data."""
    event = json.loads(value)
    return json.dumps(event | {"data": event["data"] | fields}).encode()


def records(events: Iterable[Event], first: int = 0) -> list[FakeRecord]:
    """Return events as records of one partition, with their owners as keys."""
    return [
        FakeRecord(first + n, event.stamp, owner_of(event.data).encode(), event.value())
        for n, event in enumerate(events)
    ]


def single(domain: Any, config: AggregationConfig | None = None) -> PartitionTask:
    """Return the task of the only partition of a topic."""
    return PartitionTask(domain, 0, 1, config or aggregation_config())


def count(domain: Any, events: Iterable[Event], config: AggregationConfig | None = None) -> PartitionTask:
    """Return a task that processed these events and flushed once."""
    partition = single(domain, config)
    listed = list(events)
    clock = max((event.stamp for event in listed), default=NOW)
    partition.process(records(listed), clock)
    partition.prepare_flush(clock, 0)
    return partition


def finish_restore(task: PartitionTask) -> list[RebuiltSlice]:
    """End the restore of a task, after a rebuild if it needs one, and return the slices of the rebuild.

    Their forwards are also in the next flush.
    """
    slices = list(rebuild(task)) if task.needs_rebuild else []
    task.forwards += [outgoing for part in slices for outgoing in part.forwards]
    task.finish_restore()
    return slices


def rows(panes: PaneStore) -> list[tuple[bytes, bytes]]:
    """Return all blocks as records of the panes topic."""
    pack = msgspec.msgpack.encode
    return [(pack(key), pack(block)) for key, block in panes.blocks.items()]


@dataclass
class BruteForceContext:
    """A `ReadContext` that sums the panes of some partitions by brute force."""

    panes: Sequence[PaneStore]
    now: int
    config: AggregationConfig
    values: tuple[str, ...] = ()
    view: str = "total"
    window: Window | None = None

    @property
    def total(self) -> bool:
        return self.view == "total"

    def _cells(self, aggregate: str, *ranges: tuple[int, int, int]) -> dict[Any, dict[int, int]]:
        """Return the sums of ranges: resolution, first and last bucket."""
        out: dict[Any, dict[int, int]] = {}
        for panes in self.panes:
            for key, block in panes.blocks.items():
                cell = key.cell
                if (cell.aggregate, cell.view, cell.values) != (aggregate, self.view, self.values):
                    continue
                for bucket, component, n in unpack_block(key.resolution, key.block, block):
                    if any(
                        key.resolution == resolution and first <= bucket <= last
                        for resolution, first, last in ranges
                    ):
                        vector = out.setdefault(cell.own_labels, {})
                        vector[component] = vector.get(component, 0) + n
        return {
            own_labels: {c: n for c, n in v.items() if n} for own_labels, v in out.items() if any(v.values())
        }

    def flow(self, aggregate: Aggregate) -> Mapping[Any, Mapping[int, int]]:
        assert self.window
        code, step, *_ = self.window.resolution
        first, last = self.window.first(self.now), self.now // step
        if aggregate.kind == "due_flow":
            minutes = (MINUTES.code, last * step // MINUTE, self.now // MINUTE)
            return self._cells(aggregate.name, (code, first, last - 1), minutes)
        return self._cells(aggregate.name, (code, first, 1 << 60 if aggregate.kind == "open_flow" else last))

    def last_30_days(self, aggregate: Aggregate) -> Mapping[Any, Mapping[int, int]]:
        return replace(self, window=Window("", 30 * DAY)).flow(aggregate)

    def lagged_flow(self, aggregate: Aggregate) -> Mapping[Any, Mapping[int, int]]:
        assert self.window
        if self.window.span < 7 * DAY:
            return {}
        step = self.window.resolution.step
        back = 7 * DAY // step + 1
        return self._cells(
            aggregate.name,
            (self.window.resolution.code, self.window.first(self.now) - back, self.now // step - back),
        )

    def stock(self, aggregate: Aggregate) -> Mapping[Any, Mapping[int, int]]:
        return self._cells(aggregate.name, (0, 0, 0))

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        out: dict[int, dict[int, int]] = {}
        for panes in self.panes:
            for key, block in panes.blocks.items():
                if (key.cell.aggregate, key.cell.view, key.cell.values) == (
                    aggregate.name,
                    self.view,
                    self.values,
                ):
                    if BY_CODE[key.resolution].code != 4:
                        continue
                    for bucket, component, n in unpack_block(key.resolution, key.block, block):
                        vector = out.setdefault(bucket, {})
                        vector[component] = vector.get(component, 0) + n
        return out


def figures(
    metric: Metric,
    partitions: PartitionTask | Sequence[PartitionTask],
    now: int,
    window: str = "1h",
    view: str = "total",
    values: tuple[str, ...] = (),
) -> dict[tuple[str, ...], float]:
    """Return the samples of a metric: value by (family name, *own labels)."""
    tasks = [partitions] if isinstance(partitions, PartitionTask) else list(partitions)
    config = tasks[0].config
    chosen = next(w for w in config.windows if w.label == window)
    context = BruteForceContext([p.panes for p in tasks], now, config, values, view, chosen)
    return {(s.family.name, *s.labels): s.value for s in _samples(metric, context, chosen)}


def _samples(metric: Metric, context: BruteForceContext, window: Window) -> Iterator[Sample]:
    yield from metric.window_samples(context, window)
    if metric.read_stock:
        yield from metric.read_stock(context)


def partition_of_key(key: str, partitions: int) -> int:
    """Return the partition of a key."""
    return partition_of(key.encode(), partitions)
