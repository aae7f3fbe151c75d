"""Offers of surveys and their answers."""

import numpy as np

from tests.bench.alerts.rates import (
    CHANNEL_SHARES,
    Events,
    in_order,
    poisson_process,
    random_touchpoints,
    rates_by_minute,
)
from tests.bench.alerts.special_days import DAY, HOUR, Calendar, Floats

NPS, CSAT = 0, 1
DETRACTOR, PASSIVE, PROMOTER = 0, 1, 2
NPS_SHARES = (0.18, 0.30, 0.52)
SATISFIED_SHARE = 0.78
ANSWERED_SHARE, ANSWERED_SHARE_OF_BATCH = 0.4, 0.12
BATCH_SIZE = 3000
CHANNEL_POINTS = np.array([0, 3, -2, 2, -8, -12])
TOUCHPOINT_POINTS = np.array([1, 1, 0, -4, -20, 2])
BATCH_POINTS = -8
"""Deviations from the NPS of all, in points. Deviations of CSAT are half of it in percentage points."""


def survey_streams(
    random: np.random.Generator, calendar: Calendar, scale: float, end: float
) -> tuple[Events, Events, Events]:
    """Return the offers, the NPS answers and the CSAT answers.

    An offer has the time of its answer in `answered`, infinite without an answer. An answer has its class and the
    probabilities that it was drawn with.
    """
    offers = _offers(random, calendar, scale)
    n = len(offers["time"])
    offers["touchpoint"] = random_touchpoints(random, n)
    day_effect = np.exp(random.normal(0, 0.05, calendar.days))
    day = np.clip((offers["time"] // DAY).astype(int), 0, calendar.days - 1)
    is_answered = random.random(n) < np.clip(offers["p_answered"] * day_effect[day], 0, 1)
    offers["answered"] = np.where(is_answered, offers["time"] + random.exponential(4 * HOUR, n), np.inf)
    kept = offers["answered"] < end
    answers = in_order({field: values[kept] for field, values in offers.items()}, "answered", stable=False)
    nps, csat = _answers(random, calendar, answers)
    return (
        {field: values for field, values in offers.items() if field not in {"p_answered", "in_batch"}},
        nps,
        csat,
    )


def _offers(random: np.random.Generator, calendar: Calendar, scale: float) -> Events:
    """Return offers after contacts, and a monthly batch of NPS surveys."""
    times, channels = poisson_process(random, rates_by_minute(random, calendar, "offer", scale))
    survey = np.where(random.random(len(times)) < 0.5, CSAT, NPS)
    parts = [
        {
            "time": times,
            "channel": channels,
            "survey": survey,
            "p_answered": np.full(len(times), ANSWERED_SHARE),
            "in_batch": np.zeros(len(times), bool),
        }
    ]
    for at in calendar.survey_batches:
        n = int(random.poisson(BATCH_SIZE * scale))
        parts.append(
            {
                "time": at + random.random(n) * 300,
                "channel": random.choice(6, n, p=CHANNEL_SHARES),
                "survey": np.full(n, NPS),
                "p_answered": np.full(n, ANSWERED_SHARE_OF_BATCH),
                "in_batch": np.ones(n, bool),
            }
        )
    merged = {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
    return in_order(merged, stable=False)


def _answers(random: np.random.Generator, calendar: Calendar, answers: Events) -> tuple[Events, Events]:
    """Draw the content of answers: NPS classes, and satisfied or not."""
    times: Floats = answers["answered"]
    channels, touchpoints = answers["channel"], answers["touchpoint"]
    day = (times // DAY).astype(int)
    local_hour = (times / HOUR + 1) % 24
    points = random.normal(0, 3, calendar.days)[day] + 3 * np.cos(2 * np.pi * (local_hour - 13) / 24)
    points += CHANNEL_POINTS[channels] + TOUCHPOINT_POINTS[touchpoints] + BATCH_POINTS * answers["in_batch"]
    p_detractor = np.clip(NPS_SHARES[DETRACTOR] - points / 200, 0.02, 0.9)
    p_promoter = np.clip(NPS_SHARES[PROMOTER] + points / 200, 0.02, 0.9)
    scores = nps_classes(random.random(len(times)), p_detractor, p_promoter)
    day_effect = random.normal(0, 0.015, calendar.days)[day]
    p_satisfied = np.clip(SATISFIED_SHARE + day_effect + points / 400, 0.05, 0.98)
    satisfied = random.random(len(times)) < p_satisfied
    labels = {"time": times, "channel": channels, "touchpoint": touchpoints}
    nps = labels | {"score": scores, "p_detractor": p_detractor, "p_promoter": p_promoter}
    csat = labels | {"satisfied": satisfied, "p_satisfied": p_satisfied}
    is_nps = answers["survey"] == NPS
    return (
        {field: values[is_nps] for field, values in nps.items()},
        {field: values[~is_nps] for field, values in csat.items()},
    )


def nps_classes(uniform: Floats, p_detractor: Floats, p_promoter: Floats) -> np.ndarray:
    """Return classes of answers for uniform random numbers."""
    return np.where(uniform < p_detractor, DETRACTOR, np.where(uniform < 1 - p_promoter, PASSIVE, PROMOTER))
