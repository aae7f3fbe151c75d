"""The course of a backtest: events in the order of their times, and the end of each minute that matters."""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from schemas.topics import DomainName
from stream.backtest.alerts import AlertWatch, FiredAlert
from stream.backtest.core import MINUTES_BETWEEN, InProcessCore
from stream.backtest.gauges import Gauges
from stream.backtest.sorting import EncodedEvent
from stream.backtest.weeks import WEEK, WeeklyFigure, week_of, week_start, weekly_figures
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.model.time_buckets import MINUTE, Window
from stream.exporter.reference_lines import reference_lines

CHUNK_EVENTS = 4_096
"""Events of a minute that are counted together, so that a minute of any size needs little memory."""
WEEK_LABEL = "week"
"""The label of the window of seven days from which figures by week are read. No series that rules read has it."""


class WeekOfFigures(NamedTuple):
    """The figures of a calendar week. Times in ms. `is_whole`: the events cover all of it."""

    start: int
    is_whole: bool
    figures: list[WeeklyFigure]


class CpuSeconds:
    """CPU time in seconds by the part of the work, in the order of a record's way."""

    def __init__(self) -> None:
        self.reading = 0.0
        self.counting = 0.0
        self.windows = 0.0
        self.detection = 0.0
        self.rules = 0.0
        self._last = time.process_time()

    def add(self, part: str) -> None:
        """Add the time since the last call to a part."""
        now = time.process_time()
        setattr(self, part, getattr(self, part) + now - self._last)
        self._last = now

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return sum(self.by_part().values())

    def by_part(self) -> dict[str, float]:
        """Return the time by part."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class BacktestResult(NamedTuple):
    """All that a backtest found out. Times in ms, of which `last` is the newest event's.

    Attributes:
        events: number of events by domain
        outcomes: number of events by outcome
        faults: reasons why records were rejected, the first ones
        weeks: weeks with figures
        alerts: every alert
        seconds: CPU time
    """

    first: int
    last: int
    events: dict[DomainName, int]
    outcomes: dict[str, int]
    faults: list[str]
    weeks: list[WeekOfFigures]
    alerts: list[FiredAlert]
    seconds: CpuSeconds


class Backtest:
    """A run of events through the core. `seconds` already has the time of reading."""

    def __init__(
        self, settings: Settings, thresholds: Mapping[str, float], latest: int, seconds: CpuSeconds
    ) -> None:
        """Raise ConfigError for targets or thresholds that cannot be used. `latest` is the present in ms."""
        config = aggregation_config(settings)
        windows = {number: window.label for number, window in enumerate(config.windows)}
        self._week_slot = len(windows)
        config = replace(config, windows=(*config.windows, Window(WEEK_LABEL, WEEK)))
        self._core = InProcessCore(config, latest)
        self._gauges = Gauges(self._core, reference_lines(settings).targets, windows)
        self._rules = AlertWatch(self._gauges, thresholds)
        self._seconds = seconds
        self._events: dict[DomainName, int] = {}
        self._weeks: list[WeekOfFigures] = []
        self._stocks: dict[int, list[WeeklyFigure]] = {}
        """Figures without a window, by the number of a week whose other figures may still change."""
        self._weeks_open = -(-config.allowed_lateness // WEEK)
        self._first = self._last = 0

    def run(self, events: Iterable[EncodedEvent]) -> BacktestResult:
        """Process events, which are in the order of their times, and return the result."""
        minute = -1
        for number, group in groupby(events, key=lambda event: event.time // MINUTE):
            if minute < 0:
                self._first = (number + 1) * MINUTE  # until its events are counted
            else:
                self._pass_quiet_minutes(minute + 1, number)
            minute = number
            self._count(group)
            self._end_minute(minute)
        if minute >= 0:
            now = (minute + 1) * MINUTE - 1
            self._end_week(week_of(self._last), now)
            self._finish_weeks(week_of(self._last), now)
        return BacktestResult(
            self._first,
            self._last,
            self._events,
            self._core.outcomes(),
            self._core.faults,
            self._weeks,
            self._rules.fired(minute + 1),
            self._seconds,
        )

    def _count(self, events: Iterable[EncodedEvent]) -> None:
        for domain, part in _chunks(events):
            self._first, self._last = min(self._first, part[0][0]), max(self._last, part[-1][0])
            self._events[domain] = self._events.get(domain, 0) + len(part)
            self._seconds.add("reading")
            self._core.count(domain, part)
            self._seconds.add("counting")

    def _pass_quiet_minutes(self, first: int, end: int) -> None:
        """Move from one minute without events to the next that matters, until before `end`."""
        minute = first
        while minute < end:
            if not self._rules.is_active and next(self._core.findings(), None) is None:
                minute = min(self._minutes_that_matter(minute))
            if minute >= end:
                return
            self._end_minute(minute)
            minute += 1

    def _minutes_that_matter(self, minute: int) -> Iterator[int]:
        """Yield minutes from this one on: the next end of a week, quarter of an hour, and minute in which a target passes."""
        yield week_start(week_of(minute * MINUTE) + 1) // MINUTE - 1
        for view in self._core.views.values():
            if view.judge.has_events:
                yield -(-minute // MINUTES_BETWEEN) * MINUTES_BETWEEN
            due = view.judge.next_due(minute)
            if due is not None:
                yield due

    def _end_minute(self, minute: int) -> None:
        now = (minute + 1) * MINUTE - 1
        self._core.flush(now)
        self._seconds.add("counting")
        self._core.apply_watched()
        self._seconds.add("windows")
        self._core.judge(now)
        self._seconds.add("detection")
        self._rules.evaluate(minute, set(self._events))
        self._seconds.add("rules")
        if week_of(now) != week_of(now + 1):
            self._end_week(week_of(now), now)

    def _end_week(self, number: int, now: int) -> None:
        """Read the figures without a window of a week that ends, and the others of weeks that no event can change any more."""
        if number not in self._stocks:
            self._gauges.update(now)
            self._stocks[number] = list(weekly_figures(self._gauges, self._week_slot, windowed=False))
        self._finish_weeks(number - self._weeks_open, now)

    def _finish_weeks(self, last: int, now: int) -> None:
        """Read the figures of the weeks up to a number. Windows go back for that, which panes of a month and more allow."""
        for number in sorted(number for number in self._stocks if number <= last):
            end = week_start(number + 1) - 1
            self._gauges.update(end)
            figures = list(weekly_figures(self._gauges, self._week_slot, windowed=True))
            stocks = self._stocks.pop(number)
            if figures:
                is_whole = self._first < week_start(number) + MINUTE and end <= now
                self._weeks.append(WeekOfFigures(week_start(number), is_whole, [*figures, *stocks]))
        self._gauges.update(now)
        self._seconds.add("windows")


def _chunks(
    events: Iterable[EncodedEvent],
) -> Iterator[tuple[DomainName, list[tuple[int, bytes]]]]:
    """Yield parts of the events of a minute by domain, in their order."""
    parts: dict[DomainName, list[tuple[int, bytes]]] = {}
    for event_time, domain, value in events:
        part = parts.setdefault(domain, [])
        part.append((event_time, value))
        if len(part) >= CHUNK_EVENTS:
            yield domain, parts.pop(domain)
    yield from parts.items()
