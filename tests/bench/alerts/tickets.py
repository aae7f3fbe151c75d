"""Contact cycles of tickets: when a customer writes, when the staff replies, and when a reply was due."""

from typing import Literal

import numpy as np
from scipy.special import ndtr

from tests.bench.alerts.rates import (
    Events,
    Kind,
    autocorrelated,
    concatenated,
    in_order,
    poisson_process,
    random_touchpoints,
    rates_by_minute,
)
from tests.bench.alerts.special_days import (
    DAY,
    HOUR,
    MINUTE,
    MINUTES_A_DAY,
    SATURDAY,
    SUNDAY,
    Bools,
    Calendar,
    Floats,
    Ints,
)

Staff = Literal["always", "office", "business"]
"""Who answers: staff around the clock, or from 8 to 20 on Monday to Saturday. With `business`, targets count these hours."""
TARGET = HOUR
OPENING, CLOSING = 8, 20
MEDIAN_RESPONSE = np.array([15, 15, 8, 4, 20, 20]) * 60.0
"""Seconds, by channel."""
RESPONSE_DEVIATION = 0.8
"""Standard deviation of the logarithm of response times."""
REOPENED_SHARE = 0.05


def ticket_streams(
    random: np.random.Generator, calendar: Calendar, rates: Floats, staff: Staff
) -> tuple[Events, Events, Events]:
    """Return the contact cycles, the solves and the reopenings.

    A cycle has the times of contact, `reply` and `due` in seconds, and `p_late`: the probability that the reply of a first
    contact is late, which only the limit may know.
    """
    times, channels = poisson_process(random, rates)
    touchpoints = random_touchpoints(random, len(times))
    seconds, p_late = response_times(random, calendar, times, channels, staff)
    solved = times + seconds + random.exponential(3 * HOUR, len(times))
    is_reopened = random.random(len(times)) < REOPENED_SHARE
    reopened = solved[is_reopened] + random.exponential(DAY, int(is_reopened.sum()))
    reopened_seconds, reopened_p_late = response_times(
        random, calendar, reopened, channels[is_reopened], staff
    )
    contacts = {"time": times, "channel": channels, "touchpoint": touchpoints}
    reopenings = {"time": reopened, "channel": channels[is_reopened], "touchpoint": touchpoints[is_reopened]}
    cycles = concatenated(
        contacts | {"reply": times + seconds, "p_late": p_late},
        reopenings | {"reply": reopened + reopened_seconds, "p_late": reopened_p_late},
    )
    cycles["due"] = business_due(calendar, cycles["time"]) if staff == "business" else cycles["time"] + TARGET
    return cycles, in_order(contacts | {"time": solved}), in_order(reopenings)


def response_times(
    random: np.random.Generator, calendar: Calendar, times: Floats, channels: Ints, staff: Staff
) -> tuple[Floats, Floats]:
    """Return the seconds to each reply, and the probability that it takes longer than the target.

    The probabilities are those of staff around the clock.
    """
    hour = np.clip((times // HOUR).astype(int), 0, calendar.days * 24 - 1)
    minutes = (times / MINUTE).astype(int)
    hour_of_week = calendar.local_minutes(minutes) // 60 % 168
    load = autocorrelated(random, calendar.days * 24, 0.7, 0.18)[hour]
    load += np.where((hour_of_week >= OPENING) & (hour_of_week < 11), 0.3, 0.0)
    for at in calendar.campaigns:
        load += np.where((times >= at) & (times < at + 3 * HOUR), 0.25, 0.0)
    log_median = np.log(MEDIAN_RESPONSE[channels]) + load
    seconds: Floats = np.exp(log_median + RESPONSE_DEVIATION * random.normal(0, 1, len(times)))
    p_late: Floats = ndtr((log_median - np.log(TARGET)) / RESPONSE_DEVIATION)
    if staff != "always":
        closed, wait = _closed(calendar, times)
        seconds = np.where(closed, wait + random.random(len(times)) * 1.2 * HOUR, seconds)
    return seconds, p_late


def _closed(calendar: Calendar, times: Floats) -> tuple[Bools, Floats]:
    """Return whether the office is closed at each time, and the seconds until it opens."""
    local = calendar.local_minutes((times // MINUTE).astype(int))
    hour, day = local / 60 % 24, local // MINUTES_A_DAY % 7
    day_off = (day == SUNDAY) | np.isin(times // DAY, list(calendar.holidays))
    closed = (hour < OPENING) | (hour >= CLOSING) | day_off
    wait = np.where(hour < OPENING, OPENING - hour, 24 + OPENING - hour) * HOUR
    wait += np.where((day == SATURDAY) & (hour >= CLOSING), DAY, 0)
    wait += np.where(day_off & (hour < OPENING), DAY, 0)
    return closed, np.maximum(wait, 0)


def business_due(calendar: Calendar, times: Floats) -> Floats:
    """Return the time at which an hour of business time has passed since each time."""
    minutes = np.arange((calendar.days + 10) * MINUTES_A_DAY)
    local = calendar.local_minutes(minutes)
    hour, day = local / 60 % 24, local // MINUTES_A_DAY % 7
    is_open = (hour >= OPENING) & (hour < CLOSING) & (day != SUNDAY)
    is_open &= ~np.isin(minutes // MINUTES_A_DAY, list(calendar.holidays))
    open_minutes = np.concatenate([[0], np.cumsum(is_open)])
    minute = np.clip((times // MINUTE).astype(int), 0, len(minutes) - 1)
    due = np.searchsorted(open_minutes, open_minutes[minute] + 61) - 1
    later: Floats = np.maximum(due * float(MINUTE), times + TARGET)
    return later


def call_stream(random: np.random.Generator, calendar: Calendar, scale: float) -> Events:
    """Return handled calls with their handle times in seconds."""
    kind: Kind = "call"
    times, channels = poisson_process(random, rates_by_minute(random, calendar, kind, scale))
    n = len(times)
    day_effect = np.exp(random.normal(0, 0.04, calendar.days))[(times // DAY).astype(int)]
    hour_effect = np.exp(random.normal(0, 0.05, calendar.days * 24))[(times // HOUR).astype(int)]
    release_effect = np.ones(n)
    for at in calendar.releases:
        release_effect[np.searchsorted(times, at) : np.searchsorted(times, at + 2 * HOUR)] = 1.1
    talk = random.lognormal(5.3, 0.8, n) * day_effect * hour_effect * release_effect
    hold_and_wrap = random.random(n) * 60 + random.uniform(20, 120, n)
    return {
        "time": times,
        "channel": channels,
        "touchpoint": random_touchpoints(random, n),
        "seconds": talk + hold_and_wrap,
    }
