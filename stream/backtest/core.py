"""Worker and exporter in one process: events in, windows and findings out."""

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from schemas.topics import DOMAINS, DomainName
from stream.backtest.tasks import InProcessTask
from stream.core.aggregation.outgoing import Header
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.detection.finding import Finding
from stream.core.detection.streams import STREAMS
from stream.core.metrics import BY_DOMAIN
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.checkpoint import VERSION, Checkpoint
from stream.core.model.time_buckets import HOUR
from stream.core.windows.label_sets import LabelSet
from stream.exporter.cardinality import CardinalityControl
from stream.exporter.domain_view import DomainView
from stream.exporter.partition_buffer import PartitionBuffer

MINUTES_BETWEEN = 15
"""Minutes after which label sets are judged of which nothing has changed and nothing was found."""
MAX_SHOWN_FAULTS = 5
"""Records that the core rejected, of which the reason is kept."""
WATCHED = frozenset(aggregate.name for stream in STREAMS for aggregate in stream.components)
"""Names of the aggregates that detectors read."""


class CoreRecord(msgspec.Struct, gc=False):
    """A record as `PartitionTask` reads it. `timestamp` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


class InProcessCore:
    """The tasks of one partition for each domain, and the windows and detectors that read their panes.

    Attributes:
        views: windows and detectors by domain
        rejected: number of records that the core rejected
        faults: reasons of the first of them
    """

    def __init__(self, config: AggregationConfig, latest: int) -> None:
        """`latest` is the present of the wall clock in ms. Records after it are rejected."""
        self.rejected = 0
        self.faults: list[str] = []
        self._latest = latest
        self._tasks = {domain.name: InProcessTask(domain, config) for domain in DOMAIN_REGISTRY}
        self.views: dict[DomainName, DomainView] = {
            domain: DomainView(config, BY_DOMAIN[domain], previous=False, minutes_between=MINUTES_BETWEEN)
            for domain in DOMAINS
        }
        for view in self.views.values():
            view.state = "live"
        self._buffers = {domain: PartitionBuffer(view.windows) for domain, view in self.views.items()}
        self._checkpoint = Checkpoint(version=VERSION)
        self._cardinality = CardinalityControl(config, self.views.values(), 0)
        self._changed: set[DomainName] = set()
        self._hour = -1
        self._advanced_to: dict[DomainName, int] = {}

    def count(self, domain: DomainName, values: Iterable[tuple[int, bytes]]) -> None:
        """Count events of a domain, which are times in ms and values of records in their order."""
        task = self._tasks[domain]
        first = task.next_offset
        task.process(
            [CoreRecord(first + n, time, None, value) for n, (time, value) in enumerate(values)], self._latest
        )
        self._changed.add(domain)

    def flush(self, now: int) -> None:
        """Flush the tasks that have new events. `now` is the present in ms. Their panes wait until `apply`."""
        for domain in ("feedback", "tickets"):
            if domain in self._changed:
                self._flush(domain, now)
        if "customers" in self._changed:
            self._flush("customers", now)
        self._changed.clear()

    def _flush(self, domain: DomainName, now: int) -> None:
        """Flush a domain, and count what it derived for `cx.customers`."""
        task = self._tasks[domain]
        for record in task.prepare_flush(now, 0, with_panes=False).dead_letters:
            self.rejected += 1
            if len(self.faults) < MAX_SHOWN_FAULTS:
                headers = dict(record.headers)
                self.faults.append(f"{_text(headers, 'cx_reason')}: {_text(headers, 'cx_detail')}")
        if task.derived:
            self._tasks["customers"].process_derived(task.derived, domain)
            task.derived = []
            self._changed.add("customers")

    def apply_watched(self) -> None:
        """Bring the panes that detectors watch into the windows, which tell the detectors."""
        for domain, view in self.views.items():
            self.apply(domain, WATCHED & view.windows.aggregates.keys())

    def apply(self, domain: DomainName, aggregates: Container[str] | None) -> None:
        """Bring the panes of some aggregates into the windows of a domain. None means all.

        Blocks of distributions are large, so that applying their last state once an hour takes a small part of the time of
        applying it every minute.
        """
        buffer = self._buffers[domain]
        for key, value in self._tasks[domain].panes.changed_rows(aggregates):
            buffer.buffer(key, value)
        _exhaust(buffer.commit(self._checkpoint))

    def advance(self, domain: DomainName, now: int) -> None:
        """Move the windows of a domain to the present, in ms."""
        if now != self._advanced_to.get(domain):
            self._advanced_to[domain] = now
            _exhaust(self.views[domain].windows.advance(now))

    def take_changes(self, domain: DomainName) -> set[str]:
        """Return the names of the aggregates of a domain whose sums changed since the last call."""
        changed = self.views[domain].windows.changed
        names: set[str] = {sums.aggregate.name for sums in changed}
        changed.clear()
        return names

    def judge(self, now: int) -> None:
        """Find unusual figures at the present, in ms, after `apply_watched`."""
        hour = now // HOUR != self._hour
        self._hour = now // HOUR
        if hour or any(view.windows.has_new_label_sets for view in self.views.values()):
            for domain in self.views:
                self.apply(domain, None)
                self.advance(domain, now)
            _exhaust(self._cardinality.decide(now, hour=hour))
        for view in self.views.values():
            _exhaust(view.judge.judge(now))

    def findings(self) -> Iterator[tuple[str, LabelSet, Finding]]:
        """Yield unusual figures as of the last `judge`: the name of the stream, label set and finding."""
        return chain.from_iterable(view.judge.findings() for view in self.views.values())

    def outcomes(self) -> dict[str, int]:
        """Return the number of events by outcome, without those that were derived."""
        total: dict[str, int] = {}
        for task in self._tasks.values():
            for outcome, n in task.outcome_counts.items():
                if n and outcome != "derived":
                    total[outcome] = total.get(outcome, 0) + n
        return total


def _text(headers: dict[str, bytes | None], name: str) -> str:
    return (headers.get(name) or b"").decode(errors="replace")


def _exhaust(steps: Iterator[Any]) -> None:
    for _ in steps:
        pass
