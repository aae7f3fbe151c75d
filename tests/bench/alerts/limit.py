"""The information limit: a CUSUM test that knows the true rates and shares of each moment, what will go wrong, how much and where.

No detector with as few false alarms has a smaller mean delay in the worst case (G. Lorden, "Procedures for reacting to a change in distribution",
Annals of Mathematical Statistics 42, 1971; G. Moustakides, Annals of Statistics 14, 1986). Its threshold has the rate of false
alarms that a rule may have in one label set, from a Markov chain over its statistic (D. Brook and D. Evans, Biometrika 59,
1972). It has no delay to a notification.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tests.bench.alerts.gauges import decision_times
from tests.bench.alerts.incidents import APP, EVERY_CHANNEL, FAX, INCIDENTS, SHOCK_HOURS, excerpt
from tests.bench.alerts.rates import HOUSEHOLD_SHARE, Events
from tests.bench.alerts.special_days import DAY, HOUR, MINUTES_A_DAY, WARM_UP_DAYS, Floats
from tests.bench.alerts.surveys import PASSIVE
from tests.bench.alerts.tickets import TARGET
from tests.bench.alerts.traffic import Traffic

FALSE_ALARMS = {"leaving": 0.2, "late": 0.1, "score": 0.1, "handle": 0.1, "missing": 0.1}
"""False alarms a month that a rule may have in all label sets together: about those of the design."""
WEIGHTS = {EVERY_CHANNEL: 0.5, APP: 0.25 / 6, FAX: 0.25 / 6}
"""The share of a label set, by its channel."""
MONTH = 30 * DAY
GRID = 300
Crossing = Callable[[float], float | None]
"""Returns the seconds from an incident to the alarm."""


def limits(traffic: Traffic, at: Sequence[float]) -> Iterator[tuple[str, list[float | None]]]:
    """Yield the delays of the incidents that have a limit, at these moments."""
    for name, n, channel in (
        ("5 leavers, app", 5, APP),
        ("10 leavers, app", 10, APP),
        ("30 leavers, app", 30, APP),
        ("100 leavers, app", 100, APP),
        ("30 leavers, all channels", 30, EVERY_CHANNEL),
        ("10 leavers, fax (1 %)", 10, FAX),
    ):
        yield name, list(map(_leavers(traffic, name, n, channel), at))
    for name, n in (("10 late replies, app", 10), ("40 late replies, app", 40)):
        yield name, list(map(_late(traffic, name, n), at))
    for name, points, channel in (
        ("NPS -20", 20, EVERY_CHANNEL),
        ("NPS -50", 50, EVERY_CHANNEL),
        ("NPS -94", 94, EVERY_CHANNEL),
        ("NPS -50, app", 50, APP),
    ):
        yield name, list(map(_nps(traffic, name, points, channel), at))
    for points in (20, 50):
        yield f"CSAT -{points}", list(map(_csat(traffic, f"CSAT -{points}", points), at))
    for name, factor in (("handle time +30 %", 1.3), ("handle time doubled", 2.0)):
        yield name, list(map(_handle_time(traffic, name, factor), at))
    yield "answers lost", list(map(_lost(traffic), at))


def _disturbed(traffic: Traffic, incident: str, at: float) -> tuple[Traffic, float]:
    quiet, moment = excerpt(traffic, at, days_after=5)
    return INCIDENTS[incident].change(quiet, moment, np.random.default_rng(int(at))), moment


def run_length(
    threshold: float, increments: Sequence[float] | Floats, probabilities: Sequence[float] | Floats
) -> float:
    """Return the mean number of steps until max(0, S + increment) reaches the threshold from 0."""
    width = threshold / GRID
    state = np.arange(GRID) * width
    transitions = np.zeros((GRID, GRID))
    for increment, probability in zip(increments, probabilities, strict=True):
        target = np.maximum(state + increment, 0)
        rows = np.flatnonzero(target < threshold - 1e-12)
        low = np.minimum((target / width).astype(int), GRID - 1)[rows]
        part = np.clip(target[rows] / width - low, 0, 1)
        transitions[rows, low] += probability * (1 - part)
        transitions[rows, np.minimum(low + 1, GRID - 1)] += probability * part
    return float(np.linalg.solve(np.eye(GRID) - transitions, np.ones(GRID))[0])


def threshold_for(false_alarms: Callable[[float], float], target: float) -> float:
    """Return the threshold with this rate of false alarms, which falls with the threshold."""
    low, high = 2.0, 80.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if false_alarms(middle) > target else (low, middle)
    return high


def poisson_threshold(rates: Floats, extra: float, target: float) -> float:
    """Return the threshold for events that come at one of these rates a second, and `extra` in an incident."""
    typical = np.quantile(rates, (np.arange(6) + 0.5) / 6)
    step = min(5.0, 0.2 / extra)

    def false_alarms(threshold: float) -> float:
        return float(
            np.mean([MONTH / (step * _poisson_run_length(threshold, rate, extra, step)) for rate in typical])
        )

    return threshold_for(false_alarms, target)


def _poisson_run_length(threshold: float, rate: float, extra: float, step: float) -> float:
    rate = max(rate, 1e-7)
    gain, p_event = np.log1p(extra / rate), rate * (1 - HOUSEHOLD_SHARE) * step
    sizes = range(1, 12)
    increments = [-extra * step, *(size * gain - extra * step for size in sizes)]
    probabilities = [1 - p_event]
    probabilities += [p_event * (1 - HOUSEHOLD_SHARE) * HOUSEHOLD_SHARE ** (size - 1) for size in sizes]
    return run_length(threshold, increments, probabilities)


def _poisson_crossing(
    times: Floats, rate: Callable[[float], float], extra: float, threshold: float
) -> float | None:
    """Return the first crossing by events at these seconds after the incident."""
    statistic = last = 0.0
    for time in times:
        statistic = max(0.0, statistic - extra * (time - last)) + np.log1p(extra / max(rate(time), 1e-9))
        last = time
        if statistic >= threshold:
            return float(time)
    return None


def _crossing(increments: Floats, times: Floats, threshold: float) -> float | None:
    statistic = 0.0
    for increment, time in zip(increments, times, strict=True):
        statistic = max(0.0, statistic + increment)
        if statistic >= threshold:
            return float(time)
    return None


def _counts(
    traffic: Traffic,
    name: str,
    rates: Floats,
    extra: float,
    target: float,
    select: Callable[[Traffic], Floats],
) -> Crossing:
    threshold = poisson_threshold(rates[WARM_UP_DAYS * MINUTES_A_DAY :: 30], extra, target)

    def delay(at: float) -> float | None:
        disturbed, moment = _disturbed(traffic, name, at)
        times = select(disturbed)
        times = times[(times >= moment) & (times < moment + INCIDENTS[name].hours * HOUR)] - moment

        def rate(seconds: float) -> float:
            return float(rates[min(int((at + seconds) // 60), len(rates) - 1)])

        return _poisson_crossing(times, rate, extra, threshold)

    return delay


def _in_channel(events: Events, channel: int) -> Events:
    if channel == EVERY_CHANNEL:
        return events
    return {field: values[events["channel"] == channel] for field, values in events.items()}


def _leavers(traffic: Traffic, name: str, n: int, channel: int) -> Crossing:
    rates = (traffic.rates["churn"] + traffic.rates["notice"]) / 60 / (1 - HOUSEHOLD_SHARE)
    rates = rates.sum(0) if channel == EVERY_CHANNEL else rates[channel]

    def select(disturbed: Traffic) -> Floats:
        return decision_times(
            *(_in_channel(disturbed.streams[stream], channel) for stream in ("churns", "notices"))
        )

    return _counts(traffic, name, rates, n / 600, FALSE_ALARMS["leaving"] * WEIGHTS[channel], select)


def _late(traffic: Traffic, name: str, n: int) -> Crossing:
    p_late = _in_channel(traffic.streams["cycles"], APP)["p_late"].mean()
    rates = traffic.rates["ticket"][APP] / 60 * p_late * 1.05

    def select(disturbed: Traffic) -> Floats:
        cycles = _in_channel(disturbed.streams["cycles"], APP)
        return np.sort(cycles["reply"][cycles["reply"] - cycles["time"] > TARGET])

    return _counts(traffic, name, rates, n / 600, FALSE_ALARMS["late"] * WEIGHTS[APP], select)


def _nps_shares(p_detractor: Floats, p_promoter: Floats, points: float) -> tuple[Floats, Floats]:
    """Return the shares of the three classes before and in an incident, shape (3, answers)."""
    normal = np.stack([p_detractor, 1 - p_detractor - p_promoter, p_promoter])
    detractors, promoters = (
        np.minimum(p_detractor + points / 200, 0.95),
        np.maximum(p_promoter - points / 200, 0.02),
    )
    return normal, np.stack([detractors, 1 - detractors - promoters, promoters])


def _nps(traffic: Traffic, name: str, points: float, channel: int) -> Crossing:
    answers = _in_channel(traffic.streams["nps"], channel)
    p_detractor, p_promoter = (answers[field].mean(keepdims=True) for field in ("p_detractor", "p_promoter"))
    normal, lower = (shares[:, 0] for shares in _nps_shares(p_detractor, p_promoter, points))
    a_month = len(answers["time"]) / traffic.days * 30
    steps = np.log(lower / normal)
    threshold = threshold_for(
        lambda h: a_month / run_length(h, steps, normal), FALSE_ALARMS["score"] * WEIGHTS[channel]
    )

    def delay(at: float) -> float | None:
        disturbed, moment = _disturbed(traffic, name, at)
        new = _after(_in_channel(disturbed.streams["nps"], channel), moment)
        before, after = _nps_shares(new["p_detractor"], new["p_promoter"], points)
        ratios = np.log(np.maximum(after, 1e-3) / np.maximum(before, 1e-3))
        return _crossing(ratios[new["score"], np.arange(len(new["time"]))], new["time"] - moment, threshold)

    assert PASSIVE == 1
    return delay


def _after(events: Events, moment: float) -> Events:
    during = (events["time"] >= moment) & (events["time"] < moment + SHOCK_HOURS * HOUR)
    return {field: values[during] for field, values in events.items()}


def _csat(traffic: Traffic, name: str, points: float) -> Crossing:
    answers = traffic.streams["csat"]
    share = float(answers["p_satisfied"].mean())
    lower = max(share - points / 100, 0.02)
    steps = [np.log((1 - lower) / (1 - share)), np.log(lower / share)]
    a_month = len(answers["time"]) / traffic.days * 30
    threshold = threshold_for(
        lambda h: a_month / run_length(h, steps, [1 - share, share]),
        FALSE_ALARMS["score"] * WEIGHTS[EVERY_CHANNEL],
    )

    def delay(at: float) -> float | None:
        disturbed, moment = _disturbed(traffic, name, at)
        new = _after(disturbed.streams["csat"], moment)
        before = new["p_satisfied"]
        after = np.maximum(before - points / 100, 0.02)
        ratios = np.where(new["satisfied"], np.log(after / before), np.log((1 - after) / (1 - before)))
        return _crossing(ratios, new["time"] - moment, threshold)

    return delay


def _handle_time(traffic: Traffic, name: str, factor: float) -> Crossing:
    """Return the limit for log-normal handle times. Its run length is that of D. Siegmund, "Sequential Analysis", 1985."""
    logs = np.log(traffic.streams["calls"]["seconds"])
    mean, deviation, shift = logs.mean(), logs.std(), float(np.log(factor))
    size = shift / deviation
    a_month = len(logs) / traffic.days * 30

    def false_alarms(threshold: float) -> float:
        corrected = threshold + 1.166 * size
        return float(a_month / ((np.exp(corrected) - corrected - 1) / (size**2 / 2)))

    threshold = threshold_for(false_alarms, FALSE_ALARMS["handle"] * WEIGHTS[EVERY_CHANNEL])

    def delay(at: float) -> float | None:
        disturbed, moment = _disturbed(traffic, name, at)
        new = _after(disturbed.streams["calls"], moment)
        ratios = shift / deviation**2 * (np.log(new["seconds"]) - mean - shift / 2)
        return _crossing(ratios, new["time"] - moment, threshold)

    return delay


def _lost(traffic: Traffic) -> Crossing:
    """Return the limit for answers that stay away: none while `threshold` are expected."""
    times = np.concatenate([traffic.streams[survey]["time"] for survey in ("nps", "csat")])
    rate = len(times) / (traffic.days * DAY)
    threshold = np.log(rate * MONTH / (FALSE_ALARMS["missing"] * WEIGHTS[EVERY_CHANNEL]))
    weekly = np.bincount((times // HOUR % 168).astype(int), minlength=168) / (traffic.days / 7) / HOUR

    def delay(at: float) -> float | None:
        expected, time = 0.0, at
        while expected < threshold:
            expected += weekly[int(time // HOUR) % 168] * 60
            time += 60
        return time - at

    return delay
