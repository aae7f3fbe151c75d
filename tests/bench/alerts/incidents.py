"""Incidents: what goes wrong at a moment, for whom, and the domain of the alerts that should fire."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.bench.alerts.rates import CHANNEL_SHARES, Events, concatenated, in_order, random_touchpoints
from tests.bench.alerts.special_days import DAY, HOUR, MINUTE, Bools, Floats, day_of_month, is_batch_day
from tests.bench.alerts.surveys import nps_classes
from tests.bench.alerts.tickets import TARGET
from tests.bench.alerts.traffic import VOLUNTARY, Traffic

APP, FAX = 1, 5
EVERY_CHANNEL = -1
SPIKE = 10 * MINUTE
"""Seconds in which the events of a spike happen."""
TIMES = ("time", "end", "reply", "answered", "due")
SHOCK_HOURS = 72
"""Hours for which scores, response rates and handle times are changed."""
Change = Callable[[Traffic, float, np.random.Generator], Traffic]


@dataclass(frozen=True)
class Incident:
    """A change of the traffic from a moment on."""

    change: Change
    hours: float
    """How long an alert counts as a detection."""
    domain: str


def excerpt(
    traffic: Traffic, at: float, days_before: int = 39, days_after: int = 11
) -> tuple[Traffic, float]:
    """Return the traffic around a moment as a run of its own, and the moment in it."""
    first = max(int(at // DAY) - days_before, 0)
    end = min(int(at // DAY) + days_after, traffic.days)
    streams = {}
    for name, events in traffic.streams.items():
        last = events.get("end", events.get("reply", events["time"]))
        kept = (last >= first * DAY) & (events["time"] < (int(at // DAY) + days_after) * DAY)
        streams[name] = {
            field: values[kept] - first * DAY if field in TIMES else values[kept]
            for field, values in events.items()
        }
        streams[name]["time"] = np.maximum(streams[name]["time"], 0)
    return replace(traffic, days=end - first, streams=streams, first_day=first), at - first * DAY


def moments(seed: int, n: int, first_day: int = 46, last_day: int = 200) -> list[float]:
    """Return random moments, except on days around the end of a month or a batch of surveys."""
    random = np.random.default_rng(1000 + seed)
    chosen: list[float] = []
    while len(chosen) < n:
        at = float(random.uniform(first_day * DAY, last_day * DAY))
        day = int(at // DAY)
        near_month_end = day_of_month(day) in {0, 30} or day_of_month(day + 1) == 0
        if not near_month_end and not any(is_batch_day(day + offset) for offset in (-1, 0, 1)):
            chosen.append(at)
    return chosen


def _with_more(
    traffic: Traffic, stream: str, random: np.random.Generator, times: Floats, channel: int, **fields: Floats
) -> Traffic:
    n = len(times)
    channels = np.full(n, channel) if channel >= 0 else random.choice(6, n, p=CHANNEL_SHARES)
    events = traffic.streams[stream]
    new: Events = {"time": times, "channel": channels, "touchpoint": random_touchpoints(random, n), **fields}
    return traffic.with_stream(
        stream, in_order(concatenated(events, {field: new[field] for field in events}))
    )


def churn_spike(n: int, channel: int) -> Change:
    """Return a change: n customers leave within ten minutes."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        times = at + random.random(n) * SPIKE
        return _with_more(traffic, "churns", random, times, channel, reason=np.full(n, VOLUNTARY))

    return change


def notice_spike(n: int, channel: int) -> Change:
    """Return a change: n customers give notice within ten minutes."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        times = at + random.random(n) * SPIKE
        return _with_more(
            traffic, "notices", random, times, channel, end=times + random.integers(7, 29, n) * DAY
        )

    return change


def late_replies(n: int, channel: int) -> Change:
    """Return a change: n tickets are answered within ten minutes, all of them up to 15 minutes too late."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        replies = at + random.random(n) * SPIKE
        contacts = replies - random.uniform(61, 75, n) * MINUTE
        fields = {"reply": replies, "due": contacts + TARGET, "p_late": np.ones(n)}
        return _with_more(traffic, "cycles", random, contacts, channel, **fields)

    return change


def nobody_answers(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
    """Postpone all replies of four hours to the hour after them."""
    cycles, end = traffic.streams["cycles"], at + 4 * HOUR
    contacts, replies = cycles["time"], cycles["reply"]
    postponed = ((replies >= at) | (contacts >= at)) & (replies < end)
    late = end + random.random(len(replies)) * HOUR
    return traffic.with_stream("cycles", cycles | {"reply": np.where(postponed, late, replies)})


def slow_answers(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
    """Multiply the response times of the contacts of six hours by four."""
    del random
    cycles = traffic.streams["cycles"]
    slow = _during(cycles["time"], at, 6)
    replies = np.where(slow, cycles["time"] + (cycles["reply"] - cycles["time"]) * 4, cycles["reply"])
    return traffic.with_stream("cycles", cycles | {"reply": replies})


def all_late(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
    """Answer the contacts of three days up to an hour after their targets."""
    cycles = traffic.streams["cycles"]
    late = cycles["due"] + random.random(len(cycles["due"])) * HOUR
    replies = np.where(_during(cycles["time"], at, SHOCK_HOURS), late, cycles["reply"])
    return traffic.with_stream("cycles", cycles | {"reply": replies})


def nps_drop(points: float, channel: int = EVERY_CHANNEL) -> Change:
    """Return a change: the NPS is lower by these points."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        answers = traffic.streams["nps"]
        changed = _during(answers["time"], at, SHOCK_HOURS)
        if channel >= 0:
            changed &= answers["channel"] == channel
        p_detractor = np.minimum(answers["p_detractor"] + points / 200, 0.95)
        p_promoter = np.maximum(answers["p_promoter"] - points / 200, 0.02)
        scores = nps_classes(random.random(len(changed)), p_detractor, p_promoter)
        return traffic.with_stream("nps", answers | {"score": np.where(changed, scores, answers["score"])})

    return change


def csat_drop(points: float) -> Change:
    """Return a change: the satisfied share is lower by these percentage points."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        answers = traffic.streams["csat"]
        changed = _during(answers["time"], at, SHOCK_HOURS)
        satisfied = random.random(len(changed)) < np.maximum(answers["p_satisfied"] - points / 100, 0.02)
        return traffic.with_stream(
            "csat", answers | {"satisfied": np.where(changed, satisfied, answers["satisfied"])}
        )

    return change


def lost_answers(kept_share: float) -> Change:
    """Return a change: only this share of the answers arrives."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        offers = traffic.streams["offers"]
        lost = _during(offers["answered"], at, SHOCK_HOURS) & (
            random.random(len(offers["answered"])) >= kept_share
        )
        traffic = traffic.with_stream(
            "offers", offers | {"answered": np.where(lost, np.inf, offers["answered"])}
        )
        for survey in ("nps", "csat"):
            answers = traffic.streams[survey]
            n = len(answers["time"])
            kept = ~(_during(answers["time"], at, SHOCK_HOURS) & (random.random(n) >= kept_share))
            traffic = traffic.with_stream(survey, {field: values[kept] for field, values in answers.items()})
        return traffic

    return change


def longer_calls(factor: float) -> Change:
    """Return a change: calls take longer by this factor."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        del random
        calls = traffic.streams["calls"]
        seconds = calls["seconds"] * np.where(_during(calls["time"], at, SHOCK_HOURS), factor, 1)
        return traffic.with_stream("calls", calls | {"seconds": seconds})

    return change


def more_reopenings(factor: float) -> Change:
    """Return a change: there are this many times the reopenings for ten days."""

    def change(traffic: Traffic, at: float, random: np.random.Generator) -> Traffic:
        events = traffic.streams["reopenings"]
        pool = np.flatnonzero(_during(events["time"], at, 240))
        n = round((factor - 1) * len(pool))
        chosen = random.choice(pool, n) if n else np.zeros(0, int)
        more = {field: values[chosen] for field, values in events.items()}
        more["time"] = more["time"] + random.uniform(0, HOUR, n)
        return traffic.with_stream("reopenings", in_order(concatenated(events, more)))

    return change


def _during(times: Floats, at: float, hours: float) -> Bools:
    return (times >= at) & (times < at + hours * HOUR)


INCIDENTS: dict[str, Incident] = {
    **{f"{n} leavers, app": Incident(churn_spike(n, APP), 2, "customers") for n in (5, 10, 30, 100)},
    "30 leavers, all channels": Incident(churn_spike(30, EVERY_CHANNEL), 2, "customers"),
    "10 leavers, fax (1 %)": Incident(churn_spike(10, FAX), 2, "customers"),
    **{f"{n} notices, app": Incident(notice_spike(n, APP), 2, "customers") for n in (10, 30)},
    **{f"{n} late replies, app": Incident(late_replies(n, APP), 3, "tickets") for n in (10, 40)},
    "nobody answers": Incident(nobody_answers, 6, "tickets"),
    "answers 4 times slower": Incident(slow_answers, 9, "tickets"),
    "all replies late": Incident(all_late, 72, "tickets"),
    **{f"NPS -{points}": Incident(nps_drop(points), 72, "feedback") for points in (20, 50, 94)},
    "NPS -50, app": Incident(nps_drop(50, APP), 72, "feedback"),
    **{f"CSAT -{points}": Incident(csat_drop(points), 72, "feedback") for points in (20, 50)},
    "answers lost": Incident(lost_answers(0), 72, "feedback"),
    "answers halved": Incident(lost_answers(0.5), 72, "feedback"),
    "handle time +30 %": Incident(longer_calls(1.3), 72, "tickets"),
    "handle time doubled": Incident(longer_calls(2), 72, "tickets"),
    "reopenings doubled": Incident(more_reopenings(2), 240, "tickets"),
    "reopenings times 4": Incident(more_reopenings(4), 240, "tickets"),
}
LEAVERS_30 = "30 leavers, app"
"""The incident of the last line."""
