"""The calendar of the simulated company: holidays, pay days, campaigns, releases, batches and restarts.

Day 0 is a Monday, the 12th of a month, 00:00 UTC. Times are seconds from then.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
MINUTES_A_DAY = 1440
WARM_UP_DAYS = 39
"""Days of history before any rule is judged: longer than the longest window and the baselines."""
DAYLIGHT_SAVING_AFTER = 91
"""Days from the warm-up to the start of daylight saving time."""
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FIRST_DAY = 11
"""The day of the month of day 0, from 0."""
SATURDAY, SUNDAY = 5, 6

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def day_of_month(day: int) -> int:
    """Return the day of the month, from 0."""
    day += FIRST_DAY
    month = 0
    while day >= MONTH_DAYS[month % 12]:
        day -= MONTH_DAYS[month % 12]
        month += 1
    return day


def is_pay_day(day: int) -> bool:
    """Return whether salaries arrive: the first, the last and the 15th day of a month, on working days."""
    first_or_last = day_of_month(day) == 0 or day_of_month(day + 1) == 0
    return day % 7 < SATURDAY and (first_or_last or day_of_month(day) == 14)


class Calendar:
    """The special days and moments of a run."""

    def __init__(self, random: np.random.Generator, days: int) -> None:
        self.days = days
        self.utc_offset: Ints = np.full(days * MINUTES_A_DAY, 60)
        """Minutes of local time ahead of UTC, by minute."""
        self.utc_offset[(WARM_UP_DAYS + DAYLIGHT_SAVING_AFTER) * MINUTES_A_DAY :] = 120
        self.first_days: Ints = np.array([day for day in range(days) if day_of_month(day) == 0])
        judged_days = np.arange(WARM_UP_DAYS, days)
        self.holidays: set[int] = set(random.choice(judged_days, 6, replace=False).tolist())
        self.holidays.add(int(random.integers(5, WARM_UP_DAYS)))
        self.campaigns = list(self._campaigns(random))
        self.releases = [
            day * DAY + 13 * HOUR + int(random.integers(0, 3 * HOUR))
            for day in range(days)
            if day % 7 in {0, 2, 3}
        ]
        self.restarts = [
            day * DAY + 9 * HOUR + int(random.integers(0, 8 * HOUR)) for day in range(days) if day % 7 == 1
        ]
        """Restarts of a worker, during which the figures are incomplete."""
        self.survey_batches = [day * DAY + 9 * HOUR for day in range(days) if is_batch_day(day)]

    def _campaigns(self, random: np.random.Generator) -> Iterator[int]:
        day = int(random.integers(3, 9))
        while day < self.days:
            if day % 7 < SATURDAY:
                yield day * DAY + 9 * HOUR + int(random.integers(0, 2 * HOUR))
            day += int(random.integers(6, 14))

    def local_minutes(self, minutes: Ints) -> Ints:
        """Return local time in minutes, for minutes from the start that may lie outside the run."""
        return minutes + self.utc_offset[np.clip(minutes, 0, len(self.utc_offset) - 1)]


def is_batch_day(day: int) -> bool:
    """Return whether the monthly batch of surveys is sent on this day."""
    return day % 28 == 8
