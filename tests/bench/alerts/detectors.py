"""The detectors of `stream.core.detection` on arrays: counts, shares, missing events and leavers at many points at once.

A test compares them with the product's. Formulas and sources are there.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, gammaln
from scipy.stats import nbinom

from tests.bench.alerts.baselines import CLUMP, MONTH_HOURS, Baseline, ShareBaseline, by_hour
from tests.bench.alerts.points import Findings, Points, before
from tests.bench.alerts.special_days import DAY, HOUR, MINUTE, Bools, Floats, Ints

LAST_MINUTES = 5
MONTH_AGO_DAYS = (28, 29, 30, 31)
FACTORS = np.array([4.0, 12.0, 40.0])
LEVEL = 0.0125
MAX_EVIDENCE = 1e200
FINE_MINUTES, COARSE_QUARTERS = 120, 190
LEAVING_WINDOWS = tuple(minutes * MINUTE for minutes in (1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 240, 480, 1440))
SHARE_WINDOWS = tuple(minutes * MINUTE for minutes in (15, 30, 60, 120, 240, 480, 1440))
LONG_SHARE_WINDOWS = (DAY, 3 * DAY, 7 * DAY)
SHARE_FLOOR = 0.2
MOST_OUTCOMES = 2000
RARE_OUTCOMES = 12
MISSING_WINDOWS = tuple(hours * HOUR for hours in (1, 2, 4, 8, 16, 24))


def scan_counts(
    times: Floats,
    base: Baseline,
    at: Points,
    windows: Sequence[int],
    *,
    factor: float,
    least: int,
    monthly: bool = False,
) -> Findings:
    """Find windows with more events than the baseline explains. `factor` is the least multiple of it."""
    findings = Findings.none(len(at.ticks))
    now, end = before(times, at.seconds), (at.minute + 1.0) * MINUTE
    for length in windows:
        count = now - before(times, at.begin(length))
        where = np.flatnonzero(count >= least)
        here = at.select(where)
        begin = here.begin(length)
        expected = base.expected(begin, end[where]) + 1e-6
        if monthly and length >= HOUR:
            expected = np.maximum(expected, _month_ago(times, begin, end[where]))
        keep = (count[where] >= factor * expected) & _above_recently(times, base, here, length)
        where, expected, here = where[keep], expected[keep], here.select(keep)
        mean = expected + CLUMP - 1
        variance = base.variance(here.hour, expected, mean, length)
        tail = nb_upper(count[where] - 1, mean, variance)
        findings.add(
            where, base.a_month[here.hour] * len(windows) * tail, count[where] * 1.0, expected, length
        )
    return findings


def _above_recently(times: Floats, base: Baseline, at: Points, length: int) -> Bools:
    """Return whether the newest part of a window is above its baseline, too."""
    recent = at.begin(LAST_MINUTES * MINUTE if length <= HOUR else max(HOUR, length // 6 // HOUR * HOUR))
    expected = base.expected(recent, (at.minute + 1.0) * MINUTE)
    return before(times, at.seconds) - before(times, recent) > expected


def _month_ago(times: Floats, begin: Floats, end: Floats) -> Floats:
    first, last = np.floor(begin / HOUR) - 1, np.ceil(end / HOUR) + 1
    counts = [
        before(times, last * HOUR - days * DAY) - before(times, first * HOUR - days * DAY)
        for days in MONTH_AGO_DAYS
    ]
    largest: Floats = np.max(counts, axis=0).astype(float)
    return largest


def nb_upper(count: Ints, mean: Floats, variance: Floats) -> Floats:
    """Return P(N >= count) of negative binomial distributions."""
    variance = np.maximum(variance, mean * 1.0001)
    return np.where(count <= 0, 1.0, nbinom.sf(count - 1, mean**2 / (variance - mean), mean / variance))


def scan_missing(times: Floats, base: Baseline, at: Points) -> Findings:
    """Find windows with less than half of the expected events."""
    findings = Findings.none(len(at.ticks))
    now, end = before(times, at.seconds), at.minute * float(MINUTE)
    for length in MISSING_WINDOWS:
        begin = at.begin(length)
        count = now - before(times, begin)
        expected = base.expected(begin, end) + 1e-6
        recent = at.begin(max(HOUR, length // 8))
        few = count <= 0.5 * expected
        few &= now - before(times, recent) <= 0.5 * base.expected(recent, end)
        where = np.flatnonzero(few)
        hour, mean = at.hour[where], expected[where]
        variance = np.maximum(base.variance(hour, mean, mean, length), mean * 1.0001)
        tail = nbinom.cdf(count[where], mean**2 / (variance - mean), mean / variance)
        looks = np.minimum(base.a_month[hour], MONTH_HOURS * HOUR / length * 8) * len(MISSING_WINDOWS)
        findings.add(where, looks * tail, count[where] * 1.0, mean, length)
    return findings


def scan_shares(times: Floats, overdue: Bools, base: ShareBaseline, at: Points) -> Findings:
    """Find windows with a larger share of overdue outcomes than the baseline explains."""
    findings = Findings.none(len(at.ticks))
    hours = np.clip((times // HOUR).astype(int), 0, len(base.shares) - 1)
    expected_before = np.concatenate([[0.0], np.cumsum(base.shares[hours])])
    overdue_before = np.concatenate([[0], np.cumsum(overdue)])
    bursts = np.flatnonzero(_late_now(times, overdue, at))
    windows = [(length, bursts, False) for length in SHARE_WINDOWS]
    for length in LONG_SHARE_WINDOWS:
        late = _goes_on(times, overdue_before, at, length)
        windows.append((length, np.flatnonzero(late), True))
    for length, positions, is_long in windows:
        unclear = findings.by_chance[positions] > 0.001
        candidates = positions[unclear] if is_long else positions
        here = at.select(candidates)
        now, start = before(times, here.seconds), before(times, here.begin(length))
        n, bad = now - start, overdue_before[now] - overdue_before[start]
        hour = here.hour
        if is_long:
            share, baseline_share, strength = (
                base.share_of_days[hour],
                base.share_of_days[hour],
                base.strength_of_days[hour],
            )
        else:
            share = (expected_before[now] - expected_before[start]) / np.maximum(n, 1)
            baseline_share, strength = base.month_share[hour], base.strength[hour]
        share = np.clip(share, 0.01, 0.985)
        keep = (bad >= 4) & (bad > SHARE_FLOOR * n) & (bad > share * n) & (baseline_share <= SHARE_FLOOR)
        keep &= ~base.has_closed_hours[hour] & ((base.a_day[hour] <= RARE_OUTCOMES) | (not is_long))
        n, bad, share, hour, strength = n[keep], bad[keep], share[keep], hour[keep], strength[keep]
        most = np.minimum(n, MOST_OUTCOMES)
        tail = beta_binomial_upper(bad * most // n - 1, most - 1, share * strength, (1 - share) * strength)
        by_chance = base.a_month[hour] * (len(SHARE_WINDOWS) + len(LONG_SHARE_WINDOWS)) * tail
        findings.add(candidates[keep], by_chance, bad * 1.0, n * share, length)
    return findings


def _goes_on(times: Floats, overdue_before: Ints, at: Points, length: int) -> Bools:
    """Return whether the newest four outcomes of a long window are overdue by more than the floor."""
    now = before(times, at.seconds)
    late = np.zeros(len(now), bool)
    decided = np.zeros(len(now), bool)
    part, last = 30 * MINUTE, length // 4
    while part <= last:
        recent = before(times, at.begin(part))
        decides = ~decided & ((now - recent >= 4) | (part == last))
        late |= decides & (overdue_before[now] - overdue_before[recent] > SHARE_FLOOR * (now - recent))
        decided |= decides
        part = part * 2 if part == last else min(part * 2, last)
    return late


def _late_now(times: Floats, overdue: Bools, at: Points) -> Bools:
    """Return whether cycles became overdue just now, and make up a fifth of the last half hour."""
    bad_times = times[overdue]
    now, recent = before(times, at.seconds), at.begin(30 * MINUTE)
    bad = before(bad_times, at.seconds) - before(bad_times, recent)
    fresh = before(bad_times, at.seconds) > before(bad_times, at.begin(LAST_MINUTES * MINUTE))
    return fresh & (bad >= 2) & (bad > SHARE_FLOOR * (now - before(times, recent)))


def beta_binomial_upper(count: Ints, n: Ints, a: Floats, b: Floats) -> Floats:
    """Return P(K >= count) of beta-binomial distributions. Most are those of a neighbour, and computed once."""
    rows, index = np.unique(np.stack([count, n, a, b]).astype(float), axis=1, return_inverse=True)
    tails = np.zeros(rows.shape[1])
    for i, (least, trials, a_, b_) in enumerate(rows.T):
        k = np.arange(max(least, 0), trials + 1)
        logs = gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)
        logs += betaln(k + a_, trials - k + b_) - betaln(a_, b_)
        tails[i] = np.exp(logs).sum()
    upper: Floats = np.minimum(tails, 1.0)[index.ravel()]
    return upper


def detect_leaving(times: Floats, base: Baseline, at: Points, weight: float) -> Findings:
    """Find spikes of leavers with a mixture of Shiryaev-Roberts e-detectors."""
    findings = Findings.none(len(at.ticks))
    if not len(times):
        return findings
    now = before(times, at.seconds)
    newest = (times[np.maximum(now - 1, 0)] // MINUTE).astype(int)
    candidates = np.flatnonzero(
        (now > 0) & (newest >= at.minute + 1 - LAST_MINUTES) & (now - before(times, at.begin(DAY)) >= 3)
    )
    here, newest = at.select(candidates), newest[candidates]
    pairs, index = np.unique(np.stack([newest, here.hour]), axis=1, return_inverse=True)
    cap = 10 * MONTH_HOURS * 60 / (LEVEL * weight)
    r, unlimited = _evidence_before(times, base, pairs[0], pairs[1], (cap, MAX_EVIDENCE))[:, :, index.ravel()]
    n = now[candidates] - before(times, newest * float(MINUTE))
    growth = FACTORS[:, None] ** np.minimum(n, 50)
    deciding = np.minimum(r * growth, cap).mean(0)
    evidence = np.where(deciding < cap / 10, deciding, np.minimum(unlimited * growth, MAX_EVIDENCE).mean(0))
    best = np.full(len(candidates), -1.0)
    for length in LEAVING_WINDOWS:
        begin = here.begin(length)
        count = (now[candidates] - before(times, begin)).astype(float)
        expected = base.expected(begin, (here.minute + 1.0) * MINUTE) + 1e-6
        surprise = np.where(
            count > expected, count * np.log(np.maximum(count, 1) / expected) - (count - expected), 0.0
        )
        clearer = surprise > best
        best = np.where(clearer, surprise, best)
        chosen = candidates[clearer]
        findings.events[chosen] = count[clearer]
        findings.baseline_events[chosen] = expected[clearer]
        findings.window_seconds[chosen] = length
    findings.by_chance[candidates] = MONTH_HOURS * 60 / evidence
    return findings


def scan_routine(times: Floats, base: Baseline, at: Points) -> Findings:
    """Find hours with more leavers than the busiest of 35 days at that time of day."""
    findings = Findings.none(len(at.ticks))
    counts = by_hour(times, len(base.rates))
    beside = np.maximum(np.maximum(counts, np.append(0, counts[:-1])), np.append(counts[1:], 0))
    busiest = np.zeros(len(counts))
    for day in range(1, 36):
        busiest[24 * day :] = np.maximum(busiest[24 * day :], beside[: len(counts) - 24 * day])
    now, begin = before(times, at.seconds), at.begin(HOUR)
    count = now - before(times, begin)
    fresh = now > before(times, at.begin(LAST_MINUTES * MINUTE))
    expected = np.maximum(busiest[at.hour], busiest[(begin // HOUR).astype(int)])
    expected = np.maximum(expected, base.expected(begin, (at.minute + 1.0) * MINUTE))
    where = np.flatnonzero((count >= 5) & fresh & (count > expected))
    count, expected = count[where], expected[where]
    mean = expected + CLUMP - 1
    tail = nb_upper(count - 1, mean, CLUMP * mean + 0.03 * expected**2)
    findings.add(where, base.a_month[at.hour[where]] * tail, count * 1.0, expected, HOUR)
    return findings


def _evidence_before(
    times: Floats, base: Baseline, minutes: Ints, hours: Ints, caps: tuple[float, ...]
) -> Floats:
    """Return R at the end of each minute, without the events of that minute. Shape (caps, factors, minutes).

    `hours` are the present hours, whose uncertainty raises the baseline.
    """
    last = int(minutes.max()) + 2 if len(minutes) else 1
    per_minute = np.bincount((times[times < last * MINUTE] // MINUTE).astype(int), minlength=last)
    per_quarter = np.add.reduceat(per_minute, np.arange(0, last, 15))
    raised = 1 + 1.5 * np.sqrt(base.spread_hours[hours] + 1 / base.known[hours])
    border = (minutes + 1 - FINE_MINUTES) // 15 + 1
    limits = np.array(caps)[:, None, None]
    r: Floats = np.zeros((len(caps), len(FACTORS), len(minutes)))
    rates = np.maximum(base.rates, 0)

    def advance(r: Floats, hour: Ints, length: int, count: Ints) -> Floats:
        rate = np.maximum(rates[np.clip(hour, 0, len(rates) - 1)] * raised, 0.002) / 60
        drift = (FACTORS[:, None] - 1) * rate
        decay = np.exp(-drift * length)
        r = r * decay + (1 - decay) / drift
        if not count.any():
            return r
        return np.where(count > 0, np.minimum(r * FACTORS[:, None] ** np.minimum(count, 50), limits), r)

    for step in range(COARSE_QUARTERS):
        quarter = border - COARSE_QUARTERS + step
        count = np.where(quarter >= 0, per_quarter[np.clip(quarter, 0, len(per_quarter) - 1)], 0)
        r = advance(r, quarter // 4, 15, count)
    for step in range(FINE_MINUTES):
        minute = border * 15 + step
        moved = advance(
            r, minute // 60, 1, np.where(minute < minutes, per_minute[np.clip(minute, 0, last - 1)], 0)
        )
        r = np.where(minute <= minutes, moved, r)
    return r
