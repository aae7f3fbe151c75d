"""The state of an exporter: domain views, coverage and exposition. It does no I/O and reads no clock."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from schemas.topics import DOMAINS, DomainName
from schemas.unknown_fields import DECODE_ERRORS
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.detection.incident_card import Card
from stream.core.metrics import BY_DOMAIN
from stream.core.model.checkpoint import KEY, MAX_AGE, Checkpoint, decode
from stream.core.model.time_buckets import HOUR
from stream.core.windows.notes import ShownNote
from stream.core.windows.ranges import UNBOUNDED
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter import pipeline_metrics, unusual
from stream.exporter.cardinality import CardinalityControl
from stream.exporter.clocks import ExporterClock
from stream.exporter.coverage import Coverage, PartitionId
from stream.exporter.domain_view import DomainView
from stream.exporter.exposition import Exposition, gzip_pieces
from stream.exporter.incidents import Incidents
from stream.exporter.notes import note_series
from stream.exporter.partition_buffer import PartitionBuffer
from stream.exporter.reference_lines import reference_lines


class PaneRecord(Protocol):
    """A record of the topics of panes."""

    key: bytes
    value: bytes | None


class PaneBatch(NamedTuple):
    """Consecutive records of a partition."""

    partition: PartitionId
    records: Sequence[PaneRecord]
    at_end: bool = True
    """Whether the last record was the newest of the partition."""
    from_beginning: bool = False
    """Whether the partition is read again from its beginning."""
    error: str = ""
    """The reason why the records after these cannot be read. Empty if they can."""

    @property
    def has_panes(self) -> bool:
        """Whether there is more than checkpoints, of which an idle partition writes one every few seconds."""
        return any(record.key != KEY for record in self.records)


class ServedCards(NamedTuple):
    """The cards of incidents, and the time and coverage of the refresh in which they were made."""

    cards: Sequence[Card] = ()
    now: int = 0
    expected: int = 0
    covered: int = 0


class ExporterState:
    """The windows of all domains, their coverage and the served exposition."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.config = aggregation_config(settings)
        self.reference_lines = reference_lines(settings)
        self.coverage = Coverage(DOMAINS, settings.topics.partitions, self.config.config_hash)
        self.clock = ExporterClock(self.coverage.expected)
        self.domain_views: dict[DomainName, DomainView] = {
            d: DomainView(self.config, BY_DOMAIN[d], previous=settings.metrics.previous) for d in DOMAINS
        }
        self.exposition = Exposition()
        self.served_cards = ServedCards()
        """Those of the served exposition."""
        self._incidents = Incidents(self.domain_views, self.config.views, self.notes_between)
        self.cardinality = CardinalityControl(
            self.config, self.domain_views.values(), settings.exporter.max_series
        )
        self._buffers = {
            partition: PartitionBuffer(self.domain_views[_domain_of(partition)].windows)
            for partition in self.coverage.expected
        }
        self.process = ""
        """The exposition of the exporter's own process."""
        self.remarks: tuple[str, ...] = ()
        """Texts about resources of the process that are scarce."""
        self._now = 0
        self._end_read_at: dict[PartitionId, int] = {}
        """The time at which a partition was last read to its end, in ms of a monotonic clock."""
        self._hour = -1
        self._is_complete = False
        """Whether the served exposition was rendered while every partition was covered."""

    def apply(self, batch: PaneBatch, *, monotonic_ms: int, wall_ms: int) -> CooperativeSteps:
        """Apply the records of a partition, in short steps.

        Args:
            batch: the records
            monotonic_ms: the present in ms of a monotonic clock
            wall_ms: the present in ms since the epoch
        """
        partition, buffer = batch.partition, self._buffers[batch.partition]
        if batch.from_beginning:
            self.coverage.forget(partition)
            yield from buffer.reset()
        try:
            for record in batch.records:
                if record.key != KEY:
                    buffer.buffer(record.key, record.value)
                elif record.value is not None:
                    checkpoint = decode(record.value)
                    yield from buffer.commit(checkpoint)
                    self._record_checkpoint(batch, checkpoint, monotonic_ms, wall_ms)
        except (*DECODE_ERRORS, LookupError) as error:
            self.coverage.fail(partition, f"a record cannot be read: {error}")
        if batch.at_end:
            self._end_read_at[partition] = monotonic_ms
        if batch.error:
            self.coverage.fail(partition, batch.error)

    def _record_checkpoint(
        self, batch: PaneBatch, checkpoint: Checkpoint, monotonic_ms: int, wall_ms: int
    ) -> None:
        """Record a checkpoint as received now, or when it was written if the batch does not reach the end.

        Clocks can be wrong. So it is at most as old as the last read of the end, and does not count before the first.
        """
        partition = batch.partition
        end_read_at = self._end_read_at.get(partition)
        written_before = max(0, wall_ms - checkpoint.written_at)
        if batch.at_end:
            age = 0
            if end_read_at is not None and monotonic_ms - end_read_at < MAX_AGE:
                self.clock.record_checkpoint(partition, checkpoint.written_at, monotonic_ms)
        elif end_read_at is None:
            age = max(MAX_AGE, written_before)
        else:
            age = min(written_before, monotonic_ms - end_read_at)
        self.coverage.record(partition, checkpoint, monotonic_ms - age)

    def now(self, wall_ms: int) -> int:
        """Return the end of the windows in ms: the wall clock, or the newest accepted event, which never goes back."""
        if self.settings.exporter.clock == "wall":
            self._now = wall_ms
        else:
            newest = (checkpoint.max_event_time for checkpoint in self.coverage.checkpoints.values())
            self._now = max(self._now, max(newest, default=0))
        return self._now

    @property
    def present(self) -> int:
        """The end of the windows as `now` returned it last, in ms."""
        return self._now

    def refresh(self, monotonic_ms: int, wall_ms: int) -> CooperativeSteps:
        """Render the exposition again, in short steps. Nothing may be applied between them."""
        self.coverage.start(monotonic_ms)
        now = self.now(wall_ms)
        uncovered = {partition.domain for partition, _ in self.coverage.gaps(monotonic_ms)}
        for domain, domain_view in self.domain_views.items():
            domain_view.update_state(
                covered=domain not in uncovered,
                now=monotonic_ms,
                stale_after=self.settings.exporter.stale_after,
            )
            domain_view.complete_since = self.coverage.complete_since(domain)
        live = [domain_view for domain_view in self.domain_views.values() if domain_view.state == "live"]
        for domain_view in live:
            yield from domain_view.windows.advance(now)
        hour = bool(live) and now // HOUR != self._hour
        if hour:
            self._hour = now // HOUR
            for domain_view in live:
                yield from domain_view.windows.verify()
        yield from self.cardinality.decide(now, hour=hour)
        for domain_view in live:
            yield from domain_view.read(now)
        served = [domain_view for domain_view in self.domain_views.values() if domain_view.is_served]
        if all(domain_view.state == "live" for domain_view in served):
            yield from self.cardinality.cap(now)
        self.cardinality.count_folded()
        for domain_view in live:
            yield from domain_view.judge.judge(now)
            yield from domain_view.exposition.render()
        yield from self._incidents.update(now)
        parts = [part.encode() for part in self._pipeline(monotonic_ms, now)]
        findings = chain.from_iterable(domain_view.judge.findings() for domain_view in served)
        parts += [part.encode() for part in unusual.series(findings, self.config.views)]
        parts += [part.encode() for part in self._incidents.series()]
        parts += chain.from_iterable(domain_view.exposition.families() for domain_view in served)
        yield
        plain = b"".join(parts)
        gzipped = []
        for piece in gzip_pieces(plain):
            gzipped.append(piece)
            yield
        self.exposition.replace(plain, b"".join(gzipped))
        expected = len(self.coverage.expected)
        covered = expected - sum(1 for _ in self.coverage.gaps(monotonic_ms))
        self.served_cards = ServedCards(self._incidents.cards, now, expected, covered)
        self._is_complete = not uncovered

    def _pipeline(self, monotonic_ms: int, now: int) -> Iterator[str]:
        """Yield the series about the pipeline. Counters start when every partition of their domain was covered once."""
        domains = [(domain, self.coverage.of(domain)) for domain in self.domain_views]
        started = [
            (domain, checkpoints)
            for domain, checkpoints in domains
            if self.domain_views[domain].state != "starting"
        ]
        if started:
            yield from pipeline_metrics.events(started)
            yield from pipeline_metrics.skipped(started)
        yield from pipeline_metrics.freshness(domains, now)
        if len(started) == len(domains):
            yield from pipeline_metrics.ignored(chain.from_iterable(group for _, group in started))
        gaps = sum(1 for _ in self.coverage.gaps(monotonic_ms))
        expected = len(self.coverage.expected)
        yield pipeline_metrics.single("cx_partitions_expected", expected)
        yield pipeline_metrics.single("cx_partitions_covered", expected - gaps)
        yield pipeline_metrics.single("cx_checkpoint_age_seconds", self.coverage.silence(monotonic_ms) / 1000)
        series = sum(
            domain_view.exposition.series
            for domain_view in self.domain_views.values()
            if domain_view.is_served
        )
        yield pipeline_metrics.single("cx_series", series)
        yield pipeline_metrics.single("cx_series_folded_total", self.cardinality.folded_total)
        repairs = sum(domain_view.windows.repairs for domain_view in self.domain_views.values())
        yield pipeline_metrics.single("cx_window_repairs_total", repairs)
        yield pipeline_metrics.clocks(self.clock.compare(monotonic_ms).differences)
        if self.settings.exporter.runbook_base is not None:
            yield pipeline_metrics.runbooks(self.settings.exporter.runbook_base)
        yield pipeline_metrics.definitions()
        yield from self.reference_lines.exposition()
        yield self.process
        if self.domain_views["feedback"].is_served:
            yield from note_series(self.notes_between(now - self.config.pane_retention, UNBOUNDED))

    def unready_reason(self, monotonic_ms: int) -> str:
        """Return the reason why /readyz answers 503, or an empty text. `monotonic_ms` is the present."""
        gaps = list(self.coverage.gaps(monotonic_ms))
        if not gaps:
            return "" if self._is_complete else "all partitions are covered, /metrics is not rendered yet"
        text = "; ".join(
            f"{partition.domain} {partition.partition}: {reason}" for partition, reason in gaps[:5]
        )
        more = f"; and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        return f"{len(gaps)} of {len(self.coverage.expected)} partitions are not covered: {text}{more}"

    def notes_between(self, first: int, last: int) -> list[ShownNote]:
        """Return the notes from `first` to `last` (ms since the epoch), none unless feedback is served."""
        feedback = self.domain_views["feedback"]
        return feedback.windows.notes.between(first, last) if feedback.is_served else []

    def notes(self, monotonic_ms: int) -> str:
        """Return the notes of /readyz, about resources, clocks and filling windows. `monotonic_ms` is the present."""
        clocks = (text for _, text in self.clock.notes(monotonic_ms))
        texts = (*self.remarks, *clocks, self.filling_windows())
        return "; ".join(text for text in texts if text)

    def filling_windows(self) -> str:
        """Return a note about the windows that begin before the oldest complete pane, or an empty text."""
        since = max(map(self.coverage.complete_since, self.domain_views), default=0)
        filling = [
            window.label
            for window in self.config.windows
            if self._now and window.first(self._now) * window.resolution.step < since
        ]
        return f"windows still filling: {', '.join(filling)}" if filling else ""


def _domain_of(partition: PartitionId) -> DomainName:
    names: dict[str, DomainName] = {domain: domain for domain in DOMAINS}
    return names[partition.domain]
