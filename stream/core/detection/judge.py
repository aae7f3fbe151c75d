"""Judges the label sets of a domain: when their panes changed, and every minute."""

from collections.abc import Callable, Iterable, Iterator

from stream.core.detection.baseline import Baseline, baseline, reach
from stream.core.detection.finding import HISTORY_HOURS, Finding
from stream.core.detection.profile import DAY, MONTH, REACH, Profile, profile, still_holds
from stream.core.detection.share_baseline import IN_TIME, OVERDUE, ShareBaseline, share_baseline
from stream.core.detection.stream_events import StreamEvents
from stream.core.detection.streams import EVENT, OTHER, Evidence, Part, Stream, tells_apart
from stream.core.model.aggregate import Vector
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.model.pane_blocks import unpack_block
from stream.core.model.time_buckets import HOURS, MINUTE
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import CooperativeSteps, RollingWindows

FLOOR = 5
"""Events in 35 days below which a label set is not judged. `total` is always judged."""
REMARKABLE = 10.0
"""Findings that chance shows more often a month are left out."""
STEP = 50
"""Label sets of which sizes are added up in one step."""


class Judge:
    """The findings of some streams, by the streams' names and label sets.

    They depend on the blocks of panes and the minute alone: in which order blocks were applied, and when findings were
    computed before, changes nothing.

    `minutes_between`: all label sets are judged once in so many minutes, and in between those that changed or have a finding,
    and those of streams whose events may lie ahead. With more than one, what only time makes a finding is found later.
    """

    def __init__(
        self, windows: RollingWindows, streams: Iterable[Stream], *, minutes_between: int = 1
    ) -> None:
        self._windows = windows
        self._minutes_between = minutes_between
        self._watched = [_Watched(stream, windows) for stream in streams]
        self._by_stream = {watched.stream.of: watched for watched in self._watched}
        self._by_aggregate: dict[str, list[_Watched]] = {}
        for watched in self._watched:
            for aggregate in watched.stream.components:
                self._by_aggregate.setdefault(aggregate.name, []).append(watched)
        self._minute = -1
        windows.observe(self._observe)

    def findings(self) -> Iterator[tuple[str, LabelSet, Finding]]:
        """Yield the findings as of the last `judge`."""
        for watched in self._watched:
            yield from ((watched.stream.of, labels, finding) for labels, finding in watched.findings.items())

    def evidence(self, of: str, labels: LabelSet) -> Evidence:
        """Return the events of a label set of a stream as of the last `judge`. Raises LookupError if it has none."""
        return self._by_stream[of].evidence(labels, self._minute)

    def shown_events(self, of: str) -> Iterator[tuple[LabelSet, StreamEvents]]:
        """Yield the label sets with events of a stream that are not folded into `__other__`."""
        yield from self._by_stream[of].shown_events()

    def judge(self, now: int) -> CooperativeSteps:
        """Judge the label sets that changed since the last call, and all of them when they are due. `now` is in ms."""
        minute, before = now // MINUTE, self._minute
        self._minute = minute
        everything = minute // self._minutes_between != before // self._minutes_between
        for watched in self._watched:
            due = everything or (watched.stream.ahead and minute != before)
            yield from watched.judge(minute, everything=due)

    @property
    def has_events(self) -> bool:
        """Whether there are events that findings may be about."""
        return any(watched.events_by_labels for watched in self._watched)

    def next_due(self, minute: int) -> int | None:
        """Return the first minute from `minute` on in which an event counts that lay ahead, None if there is none."""
        totals = (watched.events_by_labels.get(TOTAL_LABELS) for watched in self._watched)
        due = [events.next_minute(minute) for events in totals if events is not None]
        return min((at for at in due if at is not None), default=None)

    def _observe(self, aggregate: str, labels: LabelSet, resolution: int, block: int, delta: Vector) -> None:
        for watched in self._by_aggregate.get(aggregate, ()):
            watched.add(aggregate, labels, resolution, block, delta)


class _Watched:
    """The events of a stream by label set, and the findings."""

    def __init__(self, stream: Stream, windows: RollingWindows) -> None:
        self.stream = stream
        self.findings: dict[LabelSet, Finding] = {}
        self.events_by_labels: dict[LabelSet, StreamEvents] = {}
        self._windows = windows
        self._parts: dict[str, Callable[[int], tuple[Part, ...]]] = {
            aggregate.name: parts for aggregate, parts in stream.components.items()
        }
        self._touched: set[LabelSet] = set()
        self._minute = -1
        self._hour = -1
        self._profile: Profile | None = None
        self._is_marked: bool | None = None
        self._baselines: dict[LabelSet, Baseline] = {}
        self._shares: dict[LabelSet, ShareBaseline] = {}
        self._weights: dict[LabelSet, float] = {}
        self._sizes_changed = True

    def add(self, aggregate: str, labels: LabelSet, resolution: int, block: int, delta: Vector) -> None:
        """Add the change of a block."""
        parts = self._parts[aggregate]
        events = self.events_by_labels.get(labels)
        changed = False
        for bucket, component, n in unpack_block(resolution, block, delta):
            for part, factor in parts(component):
                if events is None:
                    events = self.events_by_labels[labels] = StreamEvents(
                        self.stream.width, ahead=self.stream.ahead
                    )
                    self._sizes_changed = True
                events.add(resolution, bucket, part, factor * n)
                changed = True
                if resolution == HOURS.code and bucket < self._hour:
                    self._forget(labels, events)
        if changed:
            self._touched.add(labels)

    def _forget(self, labels: LabelSet, events: StreamEvents) -> None:
        """Forget what depends on finished hours of a label set."""
        events.size_day = -1
        self._sizes_changed = True
        self._baselines.pop(labels, None)
        self._shares.pop(labels, None)
        if labels == TOTAL_LABELS:
            self._profile = self._is_marked = None
            self._baselines.clear()

    def judge(self, minute: int, *, everything: bool) -> CooperativeSteps:
        """Judge the label sets that changed, or all of them."""
        hour = minute // 60
        if hour != self._hour:
            self._sizes_changed |= hour // DAY != self._hour // DAY
            self._hour = hour
            self._is_marked = None
            yield from self._trim(minute)
        if self._sizes_changed or everything:
            before = self._weights
            yield from self._weigh(hour)
            everything |= before != self._weights
        if minute != self._minute:
            self._touched |= self.findings.keys()
            self._minute = minute
        touched, self._touched = self._touched, set()
        for labels in [*self._weights] if everything else touched & self._weights.keys():
            finding = self._judge_one(labels, minute)
            if finding is None:
                self.findings.pop(labels, None)
            else:
                self.findings[labels] = finding
            yield
        if self.findings.keys() - self._weights.keys():
            self.findings = {
                labels: finding for labels, finding in self.findings.items() if labels in self._weights
            }

    def _trim(self, minute: int) -> CooperativeSteps:
        """Forget old buckets, and label sets without events."""
        for labels, events in [*self.events_by_labels.items()]:
            events.trim(minute)
            if events.is_empty:
                del self.events_by_labels[labels]
                self._forget(labels, events)
            yield

    def _weigh(self, hour: int) -> CooperativeSteps:
        """Divide the false alarms of the stream among the label sets that are judged.

        `total` has half of them. The views share the other half, and the label sets of a view share that of the view.
        """
        views: dict[str, list[LabelSet]] = {}
        for number, (labels, events) in enumerate(self.events_by_labels.items()):
            if labels != TOTAL_LABELS and self._is_shown(labels):
                self._measure(events, hour // DAY)
                if events.size >= FLOOR:
                    views.setdefault(labels.view, []).append(labels)
            if number % STEP == STEP - 1:
                yield
        self._sizes_changed = False
        self._weights = {
            labels: 0.5 / len(views) / len(label_sets)
            for label_sets in views.values()
            for labels in label_sets
        }
        if TOTAL_LABELS in self.events_by_labels:
            self._weights[TOTAL_LABELS] = 0.5

    def _is_shown(self, labels: LabelSet) -> bool:
        return (
            OTHER_VALUE not in labels.values and self._windows.cardinality_policy.shown_as(labels) == labels
        )

    def shown_events(self) -> Iterator[tuple[LabelSet, StreamEvents]]:
        """Yield the label sets that are not folded into `__other__`."""
        yield from (entry for entry in self.events_by_labels.items() if self._is_shown(entry[0]))

    def evidence(self, labels: LabelSet, minute: int) -> "_Evidence":
        """Return the events of a label set for a detector."""
        return _Evidence(self, labels, self.events_by_labels[labels], minute, self._weights.get(labels, 0.0))

    def _measure(self, events: StreamEvents, day: int) -> None:
        if events.size_day != day:
            begin, end = day * DAY - MONTH, day * DAY
            events.size = sum(events.hours.sum(begin, end, part) for part in self.stream.sized)
            events.size_day = day

    def _judge_one(self, labels: LabelSet, minute: int) -> Finding | None:
        events, hour = self.events_by_labels[labels], self._hour
        first = events.hours.first_used(hour)
        if first is None or hour - first < HISTORY_HOURS:
            return None
        weight = self._weights[labels]
        finding = self.stream.detect(self.evidence(labels, minute))
        if finding is None or finding.by_chance > REMARKABLE * weight:
            return None
        return finding._replace(by_chance=finding.by_chance / weight)

    def profile(self) -> Profile:
        """Return the profile of `total`."""
        known = self._profile
        if known is None or known.hour != self._hour:
            first = self._first(TOTAL_LABELS, REACH)
            if known is None or not still_holds(known.first, first, self._hour, REACH):
                known = None
                self._baselines.clear()
            events = self.events_by_labels.get(TOTAL_LABELS)
            counts = [] if events is None else events.hours.between(first, self._hour, EVENT)
            known = self._profile = profile(counts, first, self._hour, known)
        return known

    def is_marked(self) -> bool:
        """Return whether the feed tells events from others in the 35 days before the hour, in `total`."""
        if self._is_marked is None:
            events = self.events_by_labels.get(TOTAL_LABELS)
            first = self._hour - MONTH
            hours = (
                []
                if events is None
                else [events.hours.between(first, self._hour, part) for part in (EVENT, OTHER)]
            )
            self._is_marked = not hours or tells_apart(*hours)
        return self._is_marked

    def baseline(self, labels: LabelSet, depth: int) -> Baseline:
        """Return the baseline of a label set, which has history."""
        of_total = self.profile()
        known = self._baselines.get(labels)
        if known is None or known.hour != self._hour:
            back = reach(depth)
            first = self._first(labels, back)
            if known is not None and not still_holds(known.first, first, self._hour, back):
                known = None
            counts = self.events_by_labels[labels].hours.between(first, self._hour, EVENT)
            known = baseline(counts, first, self._hour, depth, of_total, known)
            self._baselines[labels] = known
        return known

    def shares(self, labels: LabelSet) -> ShareBaseline:
        """Return the baseline of the shares of a label set, which has history."""
        known = self._shares.get(labels)
        if known is None or known.hour != self._hour:
            first = self._first(labels, REACH)
            if known is not None and not still_holds(known.first, first, self._hour, REACH):
                known = None
            overdue, in_time = (
                self.events_by_labels[labels].hours.between(first, self._hour, part)
                for part in (OVERDUE, IN_TIME)
            )
            known = self._shares[labels] = share_baseline(overdue, in_time, first, self._hour, known)
        return known

    def _first(self, labels: LabelSet, back: int) -> int:
        """Return the first hour of history, at most `back` hours ago. Without history it is the present one."""
        events = self.events_by_labels.get(labels)
        first = None if events is None else events.hours.first_used(self._hour)
        return self._hour if first is None else max(self._hour - back, first)


class _Evidence:
    """The events of a label set for a detector: see `streams.Evidence`."""

    def __init__(
        self, watched: _Watched, labels: LabelSet, events: StreamEvents, minute: int, weight: float
    ) -> None:
        self._watched = watched
        self._labels = labels
        self.events = events
        self.minute = minute
        self.weight = weight

    def baseline(self, depth: int) -> Baseline:
        """Return the baseline of the label set."""
        return self._watched.baseline(self._labels, depth)

    def shares(self) -> ShareBaseline:
        """Return the baseline of the label set's shares."""
        return self._watched.shares(self._labels)

    def is_marked(self) -> bool:
        """Return whether the feed tells events from others."""
        return self._watched.is_marked()
