"""What an exporter knows and shows: boards, coverage, page. Time is handed in; nothing here reads or serves."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec

from schemas.topics import DOMAINS, DomainName
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.metrics import BY_DOMAIN
from stream.core.model.checkpoint import KEY, decode
from stream.core.model.time_buckets import HOUR
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter import pipeline_metrics
from stream.exporter.cardinality import CardinalityControl
from stream.exporter.coverage import Coverage, PartitionId
from stream.exporter.domain_view import DomainView
from stream.exporter.exposition import Exposition, gzip_pieces
from stream.exporter.partition_buffer import PartitionBuffer


class PaneRecord(Protocol):
    """A record of the panes."""

    key: bytes
    value: bytes | None


class PaneBatch(NamedTuple):
    """Records of a partition that came together."""

    partition: PartitionId
    records: Sequence[PaneRecord]
    at_end: bool = True
    """Whether there was nothing more to read."""
    from_beginning: bool = False
    """Whether the partition is read from its beginning."""
    fault: str = ""
    """Why nothing behind these records can be read; empty when it can."""


class ExporterState:
    """The state of one exporter."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.config = aggregation_config(settings)
        self.coverage = Coverage(DOMAINS, settings.topics.partitions, self.config.config_hash)
        self.domain_views: dict[DomainName, DomainView] = {
            d: DomainView(self.config, BY_DOMAIN[d]) for d in DOMAINS
        }
        self.exposition = Exposition()
        self.cardinality = CardinalityControl(
            self.config, self.domain_views.values(), settings.exporter.max_series
        )
        self._buffers = {
            partition: PartitionBuffer(self.domain_views[_domain_of(partition)].windows)
            for partition in self.coverage.expected
        }
        self._clock = 0
        self._hour = -1
        self._is_complete = False
        """Whether the page that is served has every partition."""

    def apply(self, batch: PaneBatch, *, monotonic_ms: int, wall_ms: int) -> CooperativeSteps:
        """Records of a partition. `steady` and `wall`: the present in ms of a steady clock and since the epoch.

        A marker that is not the newest thing to read counts as received when it was written.
        """
        partition, feed = batch.partition, self._buffers[batch.partition]
        if batch.from_beginning:
            self.coverage.forget(partition)
            yield from feed.reset()
        try:
            for record in batch.records:
                if record.key != KEY:
                    feed.buffer(record.key, record.value)
                elif record.value is not None:
                    checkpoint = decode(record.value)
                    yield from feed.commit(checkpoint)
                    age = 0 if batch.at_end else max(0, wall_ms - checkpoint.written_at)
                    self.coverage.record(partition, checkpoint, monotonic_ms - age)
        except msgspec.DecodeError as error:
            self.coverage.fail(partition, f"a record cannot be read: {error}")
        if batch.fault:
            self.coverage.fail(partition, batch.fault)

    def now(self, wall_ms: int) -> int:
        """The moment that windows end with: the wall clock, or the newest accepted event; it never goes back."""
        if self.settings.exporter.clock == "wall":
            self._clock = max(self._clock, wall_ms)
        else:
            newest = (checkpoint.max_event_time for checkpoint in self.coverage.checkpoints.values())
            self._clock = max(self._clock, max(newest, default=0))
        return self._clock

    def refresh(self, monotonic_ms: int, wall_ms: int) -> CooperativeSteps:
        """Bring the page up to date, in short steps during which nothing may be taken."""
        now = self.now(wall_ms)
        bad = {partition.domain for partition, _ in self.coverage.gaps(monotonic_ms)}
        for domain, domain_view in self.domain_views.items():
            domain_view.update_state(
                covered=domain not in bad, now=monotonic_ms, stale_after=self.settings.exporter.stale_after
            )
        live = [board for board in self.domain_views.values() if board.state == "live"]
        for domain_view in live:
            yield from domain_view.windows.advance(now)
        hour = bool(live) and now // HOUR > self._hour
        if hour:
            self._hour = now // HOUR
            for domain_view in live:
                yield from domain_view.windows.verify()
        yield from self.cardinality.decide(now, hour=hour)
        for domain_view in live:
            yield from domain_view.read(now)
        if all(board.state == "live" for board in self.domain_views.values() if board.is_served):
            yield from self.cardinality.cap(now)
        self.cardinality.count_folded()
        for domain_view in live:
            yield from domain_view.exposition.render()
        parts = [part.encode() for part in self._pipeline(monotonic_ms, now)]
        parts += chain.from_iterable(
            b.exposition.families() for b in self.domain_views.values() if b.is_served
        )
        yield
        plain = b"".join(parts)
        gzipped = []
        for piece in gzip_pieces(plain):
            gzipped.append(piece)
            yield
        self.exposition.replace(plain, b"".join(gzipped))
        self._is_complete = not bad

    def _pipeline(self, monotonic_ms: int, now: int) -> Iterator[str]:
        seen = [(domain, self.coverage.of(domain)) for domain in self.domain_views]
        whole = [
            (domain, checkpoints)
            for domain, checkpoints in seen
            if self.domain_views[domain].state != "starting"
        ]
        if whole:
            yield from pipeline_metrics.events(whole)
            yield from pipeline_metrics.skipped(whole)
        yield from pipeline_metrics.freshness(seen, now)
        if len(whole) == len(seen):
            ignored = sum(checkpoint.labels_ignored for _, markers in whole for checkpoint in markers)
            yield pipeline_metrics.single("cx_labels_ignored_total", ignored)
        gaps = sum(1 for _ in self.coverage.gaps(monotonic_ms))
        expected = len(self.coverage.expected)
        yield pipeline_metrics.single("cx_partitions_expected", expected)
        yield pipeline_metrics.single("cx_partitions_covered", expected - gaps)
        series = sum(
            domain_view.exposition.series
            for domain_view in self.domain_views.values()
            if domain_view.is_served
        )
        yield pipeline_metrics.single("cx_series", series)
        yield pipeline_metrics.single("cx_series_folded_total", self.cardinality.folded_total)
        repairs = sum(board.windows.repairs for board in self.domain_views.values())
        yield pipeline_metrics.single("cx_window_repairs_total", repairs)
        yield pipeline_metrics.definitions()

    def unready_reason(self, monotonic_ms: int) -> str:
        """Why not every figure that is served is complete; empty when it is."""
        gaps = list(self.coverage.gaps(monotonic_ms))
        if not gaps:
            return "" if self._is_complete else "every partition is covered, the page of it is not made yet"
        text = "; ".join(f"{partition.domain} {partition.partition}: {why}" for partition, why in gaps[:5])
        more = f"; and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        return f"{len(gaps)} of {len(self.coverage.expected)} partitions are not covered: {text}{more}"

    def filling_windows(self) -> str:
        """Which windows begin before what the panes hold; empty when none does."""
        since = max(
            (checkpoint.complete_since for checkpoint in self.coverage.checkpoints.values()), default=0
        )
        short = [
            window.label
            for window in self.config.windows
            if self._clock and window.first(self._clock) * window.resolution.step < since
        ]
        return f"windows still filling: {', '.join(short)}" if short else ""


def _domain_of(partition: PartitionId) -> DomainName:
    names: dict[str, DomainName] = {domain: domain for domain in DOMAINS}
    return names[partition.domain]
