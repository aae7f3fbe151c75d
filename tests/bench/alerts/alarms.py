"""When an alert would have fired, given when its expression held: `for` and `keep_firing_for`."""

from typing import NamedTuple

from tests.bench.alerts.prometheus import Labels, Series, Span

UNITS = {"s": 1, "m": 60, "h": 3600}


class Alarm(NamedTuple):
    """One that began at a moment (s)."""

    at: int
    labels: Labels


def seconds(duration: str) -> int:
    """Of one number with a unit."""
    return int(duration[:-1]) * UNITS[duration[-1]]


def alarms(held: Series, span: Span, for_: str, keep: str) -> list[Alarm]:
    """Every time that it began to fire.

    A `for` shorter than a step is taken as over at once: between two looks nobody knows. That is against us.
    """
    wanted = seconds(for_) if seconds(for_) >= span.step else 0
    return [
        Alarm(at, labels)
        for labels, values in held.items()
        for at in _begins(values, span.step, wanted, seconds(keep))
    ]


def _begins(values: dict[int, float], step: int, wanted: int, keep: int) -> list[int]:
    began: list[int] = []
    since = last = -1
    firing = False
    for at in sorted(at for at, value in values.items() if value == value):  # noqa: PLR0124 (not NaN)
        if at - last > step:
            since = at
            firing = firing and at - last <= keep
        last = at
        if not firing and at - since >= wanted:
            firing = True
            began.append(at)
    return began
