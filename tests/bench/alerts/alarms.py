"""When an alert would have fired, given when its expression was active: `for` and `keep_firing_for`."""

from typing import NamedTuple

from tests.bench.alerts.prometheus import Labels, Series, Span

UNITS = {"s": 1, "m": 60, "h": 3600}


class Alarm(NamedTuple):
    """An alarm and its start in s."""

    started_at: int
    labels: Labels


def seconds(duration: str) -> int:
    """Return the seconds of a duration with a unit."""
    return int(duration[:-1]) * UNITS[duration[-1]]


def alarms(active: Series, span: Span, for_duration: str, keep_firing: str) -> list[Alarm]:
    """Return every start of an alarm.

    A `for` shorter than a step counts as 0, because nothing is known between two steps. This favours the alternatives.
    """
    delay = seconds(for_duration) if seconds(for_duration) >= span.step else 0
    return [
        Alarm(at, labels)
        for labels, values in active.items()
        for at in alarm_starts(values, span.step, delay, seconds(keep_firing))
    ]


def alarm_starts(values: dict[int, float], step: int, delay: int, keep_firing: int) -> list[int]:
    starts: list[int] = []
    since = last = -1
    firing = False
    for at in sorted(at for at, value in values.items() if value == value):  # noqa: PLR0124 (not NaN)
        if at - last > step:
            since = at
            firing = firing and at - last <= keep_firing
        last = at
        if not firing and at - since >= delay:
            firing = True
            starts.append(at)
    return starts
