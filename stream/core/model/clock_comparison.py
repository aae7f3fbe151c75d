"""The comparison of clocks: which of them differs from the majority."""

from collections.abc import Collection, Mapping
from statistics import median_low
from typing import NamedTuple

MAX_DIFFERENCE = 60_000
"""Ms by which a clock may differ from the majority."""


class Comparison(NamedTuple):
    """The differences of clocks, in ms and positive if a clock is ahead.

    They are differences from the median of the majority. If there is no majority they are from the own clock.
    """

    differences: dict[str, int]
    has_majority: bool

    @property
    def differing(self) -> dict[str, int]:
        """The differences of more than `MAX_DIFFERENCE`, by the name of the clock."""
        return {
            name: difference
            for name, difference in self.differences.items()
            if abs(difference) > MAX_DIFFERENCE
        }


def majority(readings: Collection[int]) -> int | None:
    """Return the median of simultaneous readings in ms, None if no more than half of them agree with it.

    More than half of the sorted readings always include the median. So if more than half agree with each
    other, they agree with it.
    """
    if not readings:
        return None
    middle = median_low(readings)
    agreeing = sum(abs(reading - middle) <= MAX_DIFFERENCE for reading in readings)
    return middle if 2 * agreeing > len(readings) else None


def compare(readings: Mapping[str, int], observer: str) -> Comparison:
    """Compare simultaneous readings of clocks in ms, by the clock's name. `observer` is the name of the own one."""
    middle = majority(readings.values())
    reference = readings[observer] if middle is None else middle
    return Comparison(
        {name: reading - reference for name, reading in readings.items()}, has_majority=middle is not None
    )
