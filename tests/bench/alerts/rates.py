"""Rates of events by minute and channel, and Poisson processes with these rates."""

from typing import Literal

import numpy as np

from tests.bench.alerts.special_days import (
    HOUR,
    MINUTE,
    MINUTES_A_DAY,
    SATURDAY,
    SUNDAY,
    Calendar,
    Floats,
    Ints,
    is_pay_day,
)

Kind = Literal["churn", "notice", "ticket", "offer", "call"]
Events = dict[str, np.ndarray]
"""A stream of events: arrays of equal length by field. `time` is in seconds, and ascending."""

CHANNELS = ("web", "app", "phone", "chat", "mail", "fax")
CHANNEL_SHARES = np.array([45, 30, 14, 7, 3, 1]) / 100
TOUCHPOINTS = ("checkout", "delivery", "account", "billing", "returns", "store")
TOUCHPOINT_SHARES = np.array([45, 30, 15, 6, 3, 1]) / 100
CALL_SHARES = np.array([0, 10, 68, 20, 1, 1]) / 100
EVENTS_A_DAY: dict[str, float] = {
    "churn": 42,
    "payment_failure": 8,
    "notice": 40,
    "ticket": 400,
    "offer": 800,
    "call": 300,
}
PROFILE_OF_CHANNEL = np.array([0, 0, 1, 1, 2, 2])
"""Index of a channel's weekly profile: self-service, staff, back office."""
CAMPAIGN_EFFECT: dict[Kind, float] = {"churn": 1.0, "notice": 1.0, "ticket": 0.8, "call": 0.4, "offer": 1.0}
HOUSEHOLD_SHARE = 0.06
"""The share of leavers that another person of the household follows."""


def weekly_profiles(*, in_piles: bool) -> Floats:
    """Return relative rates by local hour of the week, shape (3 profiles, 168), with mean 1.

    `in_piles`: the back office enters letters in two hours of the morning.
    """
    hour, day = np.arange(168) % 24, np.arange(168) // 24
    weekend = np.where(day == SATURDAY, 0.75, np.where(day == SUNDAY, 0.6, 1.0))
    self_service = (0.12 + _bump(hour, 11, 3) * 0.8 + _bump(hour, 20, 2.5)) * weekend
    staff = np.where(
        (hour >= 8) & (hour < 20), 0.6 + 0.6 * _bump(hour, 10, 1.5) + 0.4 * _bump(hour, 15, 2), 0.02
    )
    staff = staff * np.where(day == SATURDAY, 0.5, np.where(day == SUNDAY, 0.15, 1.0))
    working_day = day < SATURDAY
    if in_piles:
        office = np.where((hour >= 9) & (hour < 11) & working_day, 1.0, 0.004)
    else:
        office = np.where((hour >= 8) & (hour < 18) & working_day, 1.0, 0.05)
    profiles: Floats = np.stack([self_service, staff, office])
    profiles /= profiles.mean(1, keepdims=True)
    return profiles


def rates_by_minute(random: np.random.Generator, calendar: Calendar, kind: Kind, scale: float) -> Floats:
    """Return the expected events by minute, shape (channels, minutes)."""
    days = calendar.days
    minutes = np.arange(days * MINUTES_A_DAY)
    hour_of_week = (calendar.local_minutes(minutes) // 60) % 168
    profiles = weekly_profiles(in_piles=kind in {"churn", "notice"})
    shares = CALL_SHARES if kind == "call" else CHANNEL_SHARES
    rates: Floats = EVENTS_A_DAY[kind] * scale / MINUTES_A_DAY * shares[:, None]
    rates = rates * profiles[PROFILE_OF_CHANNEL][:, hour_of_week]
    day_effect = np.exp(random.normal(0, 0.10, days) - 0.005)
    channel_effect = np.exp(random.normal(0, 0.10, (6, days)) - 0.005)
    hour_effect = np.exp(autocorrelated(random, days * 24, 0.5, 0.12) - 0.0072)
    rates *= (day_effect[minutes // MINUTES_A_DAY] * hour_effect[minutes // 60])[None]
    rates *= channel_effect[:, minutes // MINUTES_A_DAY]
    for day in calendar.holidays:
        on_day = slice(day * MINUTES_A_DAY, (day + 1) * MINUTES_A_DAY)
        rates[:, on_day] *= 0.4 if kind in {"ticket", "call"} else 0.6
    for day in filter(is_pay_day, range(days)):
        daytime = slice(day * MINUTES_A_DAY + 480, day * MINUTES_A_DAY + 1200)
        rates[:, daytime] *= 1.6 if kind in {"churn", "notice"} else 1.2
    _add_campaigns(rates, calendar, CAMPAIGN_EFFECT[kind])
    if kind in {"ticket", "call"}:
        for at in calendar.releases:
            rates[:, at // MINUTE : at // MINUTE + 60] *= 1.3
    return rates


def _add_campaigns(rates: Floats, calendar: Calendar, effect: float) -> None:
    """Raise the rates for eight hours after each campaign, most in self-service channels."""
    for at in calendar.campaigns:
        first, end = at // MINUTE, min(at // MINUTE + 480, rates.shape[1])
        decay = np.exp(-(np.arange(first, end) * 60.0 - at) / (1.5 * HOUR))
        rates[:2, first:end] *= 1 + effect * decay
        rates[2:4, first:end] *= 1 + effect / 2 * decay


def autocorrelated(random: np.random.Generator, n: int, correlation: float, deviation: float) -> Floats:
    """Return a stationary AR(1) series with this correlation of neighbours and this standard deviation."""
    steps = random.normal(0, deviation * np.sqrt(1 - correlation**2), n)
    series = np.zeros(n)
    for i in range(1, n):
        series[i] = correlation * series[i - 1] + steps[i]
    return series


def poisson_process(random: np.random.Generator, rates: Floats) -> tuple[Floats, Ints]:
    """Return times in seconds, ascending, and the channel of each event."""
    counts = random.poisson(rates)
    channels, minutes = np.nonzero(counts)
    repeats = counts[channels, minutes]
    channels, minutes = np.repeat(channels, repeats), np.repeat(minutes, repeats)
    times = minutes * 60.0 + random.random(len(channels)) * 60
    order = np.argsort(times, kind="stable")
    return times[order], channels[order]


def random_touchpoints(random: np.random.Generator, n: int) -> Ints:
    """Return n touchpoints by their shares."""
    return random.choice(6, n, p=TOUCHPOINT_SHARES)


def with_households(random: np.random.Generator, events: Events) -> Events:
    """Return leavers and the people of their households who follow within a minute or so."""
    generations = [events]
    while True:
        last = generations[-1]
        followed = random.random(len(last["time"])) < HOUSEHOLD_SHARE
        if not followed.any():
            break
        followers = {field: values[followed] for field, values in last.items()}
        followers["time"] = followers["time"] + random.exponential(30, int(followed.sum()))
        generations.append(followers)
    return in_order(concatenated(*generations), stable=False)


def concatenated(*streams: Events) -> Events:
    """Return the events of all streams, which have the same fields."""
    return {field: np.concatenate([stream[field] for stream in streams]) for field in streams[0]}


def in_order(events: Events, field: str = "time", *, stable: bool = True) -> Events:
    """Return events sorted by a field."""
    order = np.argsort(events[field], kind="stable" if stable else None)
    return {name: values[order] for name, values in events.items()}


def _bump(hour: Ints, at: float, width: float) -> Floats:
    distance = np.minimum(abs(hour - at), 24 - abs(hour - at))
    bump: Floats = np.exp(-0.5 * (distance / width) ** 2)
    return bump
