"""The gauges of the exporter, from arrays of events: counts of rolling windows, totals and quantiles at ticks.

Tick k is k * 5 s. Its gauges count the events before it. A window of W with buckets of s starts at floor(now, s) - W + s.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from tests.bench.alerts.promql import STEP
from tests.bench.alerts.rates import Events
from tests.bench.alerts.special_days import DAY, HOUR, MINUTE, Bools, Floats, Ints
from tests.bench.alerts.surveys import CSAT, DETRACTOR, NPS, PASSIVE, PROMOTER
from tests.bench.alerts.tickets import TARGET
from tests.bench.alerts.traffic import INVOLUNTARY, VOLUNTARY, LabelSet, Traffic

WINDOWS = {
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "6h": 6 * HOUR,
    "24h": DAY,
    "3d": 3 * DAY,
    "7d": 7 * DAY,
    "30d": 30 * DAY,
}
NPS_CLASSES = {"detractor": DETRACTOR, "passive": PASSIVE, "promoter": PROMOTER}
SURVEYS = {"nps": NPS, "csat": CSAT}
QUANTILE_INTERVAL = 900
"""Seconds between two readings of the quantiles, which change slowly."""


def bucket_seconds(window: float) -> int:
    """Return the width of a window's buckets."""
    return MINUTE if window <= HOUR else 15 * MINUTE if window <= DAY else HOUR


class Clock:
    """Ticks in ascending order, and the starts of the windows at each of them."""

    def __init__(self, ticks: Ints) -> None:
        self.ticks = ticks
        self.seconds = ticks * float(STEP)
        self._starts: dict[str, Floats] = {}

    def starts(self, window: str) -> Floats:
        """Return the start of the window at each tick, in seconds."""
        if window not in self._starts:
            seconds = WINDOWS[window]
            bucket = bucket_seconds(seconds)
            self._starts[window] = np.maximum(np.floor(self.seconds / bucket) * bucket - seconds + bucket, 0)
        return self._starts[window]


def decision_times(churns: Events, notices: Events) -> Floats:
    """Return when customers decided to leave: at the notice, or at a voluntary churn without one."""
    return np.sort(np.concatenate([churns["time"][churns["reason"] == VOLUNTARY], notices["time"]]))


def outcomes(cycles: Events) -> tuple[Floats, Bools]:
    """Return when the fate of each contact cycle was known, ascending, and whether it was overdue.

    It is known at a reply in time, or when the cycle's own target passes: at the start of that minute.
    """
    overdue = cycles["reply"] > cycles["due"]
    times = np.where(overdue, np.floor(cycles["due"] / MINUTE) * MINUTE, cycles["reply"])
    order = np.argsort(times, kind="stable")
    return times[order], overdue[order]


class LabelSetEvents:
    """The times of the events that a label set's gauges count."""

    def __init__(self, traffic: Traffic, label_set: LabelSet) -> None:
        self.traffic = traffic
        self.label_set = label_set
        self._times: dict[str, Floats] = {}

    def stream(self, name: str) -> Events:
        """Return the events of a stream in this label set."""
        events = self.traffic.streams[name]
        selected = self.label_set.selects(events)
        return {field: values[selected] for field, values in events.items()}

    def times(self, kind: str) -> Floats:
        """Return the times of a kind of event, ascending."""
        if kind not in self._times:
            self._times[kind] = np.sort(self._selected(kind))
        return self._times[kind]

    def _selected(self, kind: str) -> Floats:
        stream, _, part = kind.partition("/")
        events = self.stream(stream)
        times: Floats = events["time"]
        match stream, part:
            case "churns", "true" | "false":
                times = times[(events["reason"] == INVOLUNTARY) == (part == "false")]
            case "churns", "decisions":
                times = decision_times(events, self.stream("notices"))
            case "notices", "end":
                times = events["end"]
            case "cycles", part if part:
                times = self._of_cycles(events, part)
            case "nps", part if part:
                times = times[events["score"] == NPS_CLASSES[part]]
            case "csat", part if part:
                times = times[events["satisfied"] == (part == "true")]
            case "offers", part if part:
                times = times[events["survey"] == SURVEYS[part]]
        return times

    def _of_cycles(self, cycles: Events, part: str) -> Floats:
        contacts, replies = cycles["time"], cycles["reply"]
        match part:
            case "reply":
                times: Floats = replies
            case "late":
                times = replies[replies - contacts > TARGET]
            case "in_time" | "overdue":
                known, overdue = outcomes(cycles)
                times = known[overdue == (part == "overdue")]
            case _:
                due = self._minute_after(contacts + TARGET)
                waited = replies > due
                times = replies[waited] if part == "over_target_end" else due[waited]
        return times

    @staticmethod
    def _minute_after(times: Floats) -> Floats:
        """Return the start of the next minute: items are open by minutes."""
        return np.floor(times / MINUTE) * MINUTE + MINUTE

    @cached_property
    def handle_seconds(self) -> tuple[Floats, Floats]:
        """Times of calls, ascending, and their handle times."""
        calls = self.stream("calls")
        order = np.argsort(calls["time"], kind="stable")
        return calls["time"][order], calls["seconds"][order]

    def answered(self, survey: str, window: str) -> tuple[Floats, Floats]:
        """Return when answered offers enter the window, and when they leave it with their offer. Both are sorted."""
        kind = f"{survey}/{window}"
        if f"enter {kind}" not in self._times:
            offers = self.stream("offers")
            selected = offers["survey"] == SURVEYS[survey]
            offered, answered = offers["time"][selected], offers["answered"][selected]
            bucket = bucket_seconds(WINDOWS[window])
            leave = np.floor(offered / bucket) * bucket + WINDOWS[window] - STEP
            counted = answered < leave
            self._times[f"enter {kind}"] = np.sort(answered[counted])
            self._times[f"leave {kind}"] = np.sort(leave[counted] + STEP / 2)
        return self._times[f"enter {kind}"], self._times[f"leave {kind}"]


class LabelSetGauges:
    """The gauges of a label set at the ticks of a clock."""

    def __init__(self, events: LabelSetEvents, clock: Clock) -> None:
        self.events = events
        self.clock = clock
        self._before: dict[str, Floats] = {}
        self._counts: dict[tuple[str, str], Floats] = {}

    def before(self, kind: str) -> Floats:
        """Return the number of events before each tick."""
        if kind not in self._before:
            self._before[kind] = counted(self.events.times(kind), self.clock.seconds)
        return self._before[kind]

    def count(self, kind: str, window: str) -> Floats:
        """Return the number of events in the window."""
        if (kind, window) not in self._counts:
            starts = counted(self.events.times(kind), self.clock.starts(window))
            self._counts[kind, window] = self.before(kind) - starts
        return self._counts[kind, window]

    def active(self, at: Floats | None = None) -> Floats:
        """Return the number of customers at each tick, or at other times."""
        at = self.clock.seconds if at is None else at
        customers = round(self.events.traffic.customers * self.events.label_set.share)
        return (
            customers
            + counted(self.events.times("activations"), at)
            - counted(self.events.times("churns"), at)
        )

    def scheduled(self) -> Floats:
        """Return the number of customers whose contract will end."""
        return self.before("notices") - self.before("notices/end")

    def over_target(self) -> Floats:
        """Return the number of tickets that wait longer than their target."""
        return self.before("cycles/over_target") - self.before("cycles/over_target_end")

    def answered(self, survey: str, window: str) -> Floats:
        """Return the offers of the window that are answered."""
        enter, leave = self.events.answered(survey, window)
        return counted(enter, self.clock.seconds) - counted(leave, self.clock.seconds)

    def handle_mean(self, window: str) -> Floats:
        """Return the mean handle time of the window in seconds, NaN without a call."""
        times, seconds = self.events.handle_seconds
        cumulative = np.concatenate([[0.0], np.cumsum(seconds)])
        first = np.searchsorted(times, self.clock.starts(window))
        end = np.searchsorted(times, self.clock.seconds)
        return ratio(cumulative[end] - cumulative[first], (end - first).astype(float))

    def handle_quantile(self, quantile: float, window: str) -> Floats:
        """Return a quantile of handle times, read every 15 minutes and held in between."""
        times, seconds = self.events.handle_seconds
        readings, index = np.unique(np.floor(self.clock.seconds / QUANTILE_INTERVAL), return_inverse=True)
        ends = np.searchsorted(times, readings * QUANTILE_INTERVAL)
        bucket = bucket_seconds(WINDOWS[window])
        starts = np.floor(readings * QUANTILE_INTERVAL / bucket) * bucket - WINDOWS[window] + bucket
        firsts = np.searchsorted(times, starts)
        values = np.full(len(readings), np.nan)
        for i, (first, end) in enumerate(zip(firsts, ends, strict=True)):
            if end > first:
                rank = int(np.ceil(quantile * (end - first))) - 1
                values[i] = np.partition(seconds[first:end], rank)[rank]
        return values[index]


def counted(times: Floats, at: Floats) -> Floats:
    """Return the number of times before each moment."""
    return np.searchsorted(times, at).astype(float)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return a share, NaN where the whole is zero."""
    with np.errstate(all="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def change_ticks(traffic: Traffic, first: int, end: int) -> Ints:
    """Return the ticks from first to end at which any gauge may change: after events, and at the start of a minute."""
    flags = np.zeros(end - first, bool)
    for kind in ("time", "end", "reply", "due", "answered"):
        for events in traffic.streams.values():
            if kind in events:
                ticks = np.floor(events[kind] / STEP) + 1 - first
                flags[ticks[(ticks >= 0) & (ticks < end - first)].astype(int)] = True
    flags[-first % (MINUTE // STEP) :: MINUTE // STEP] = True
    for start, ticks_long in incomplete_intervals(traffic):
        for edge in (start - first, start + ticks_long - first):
            if 0 <= edge < end - first:
                flags[edge] = True
    flags[0] = True
    return np.flatnonzero(flags) + first


def incomplete_intervals(traffic: Traffic) -> Iterator[tuple[int, int]]:
    """Yield the start and the length, in ticks, of every restart of a worker: half a minute, and four minutes every eighth time."""
    for number, at in enumerate(traffic.calendar.restarts):
        yield (at - traffic.first_day * DAY) // STEP, 48 if number % 8 == 7 else 6
