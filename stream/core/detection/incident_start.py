"""The beginning of an incident: the bucket in which the statistic of its events last left zero.

The statistic is the cumulative sum of log-likelihood ratios of the incident's rate against the baseline, which starts
again at zero (CUSUM: E. Page, Biometrika 41, 1954). The bucket in which it last left zero is the maximum-likelihood
estimate of the change (D. Hinkley, Biometrika 58, 1971).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from typing import NamedTuple

from stream.core.detection import means, scores
from stream.core.detection.finding import MONTH_HOURS, Finding
from stream.core.detection.leaving import DEPTH
from stream.core.detection.share_baseline import IN_TIME, OVERDUE
from stream.core.detection.stream_events import Span, StreamEvents
from stream.core.detection.streams import (
    ANSWERS_DEPTH,
    ANSWERS_LATE,
    ANSWERS_MISSING,
    CSAT_ANSWERS,
    EVENT,
    HANDLE_TIME,
    LEAVING_CUSTOMERS,
    NPS_ANSWERS,
    PAYMENT_CHURN,
    PAYMENT_DEPTH,
    REOPENING_DEPTH,
    REOPENINGS,
    Evidence,
)
from stream.core.model.time_buckets import BY_CODE, HOUR, HOURS, MINUTE, MINUTES, QUARTERS

REACH = {MINUTES.code: 120, QUARTERS.code: 190, HOURS.code: 8 * 24}
"""Buckets before the present in which the beginning is sought, by the code of the resolution."""
MIN_FACTOR = 1.5
"""Least factor by which a rate is higher, or lower, during an incident."""
SURE = log(20)
"""Log-likelihood ratio by which the buckets before the beginning must speak against the incident."""
MIN_SHARE = 1e-3
"""Least share of a class of answers."""


class Since(NamedTuple):
    """The bucket in which an incident began: its beginning in ms since the epoch, and its length in ms."""

    time: int
    step: int


class Buckets(NamedTuple):
    """The buckets `first` to that of the present minute, of one resolution.

    Those after the present minute do not count, although events may lie ahead of it.
    """

    events: StreamEvents
    code: int
    first: int
    minute: int

    @property
    def step(self) -> int:
        """The length of a bucket in ms."""
        return BY_CODE[self.code].step

    def counts(self, part: int) -> list[int]:
        """Return an integer of each bucket."""
        present = self.minute * MINUTE // self.step
        by_code = {
            MINUTES.code: self.events.minutes,
            QUARTERS.code: self.events.quarters,
            HOURS.code: self.events.hours,
        }
        of_present = self.events.minutes.sum(present * (self.step // MINUTE), self.minute + 1, part)
        return [*by_code[self.code].between(self.first, present, part), of_present]

    def bounds(self) -> Iterator[tuple[int, int]]:
        """Yield the beginning and end of each bucket in ms. The last one ends with the present minute."""
        end = (self.minute + 1) * MINUTE
        for begin in range(self.first * self.step, end, self.step):
            yield begin, min(begin + self.step, end)


Ratios = Callable[[Buckets, Evidence, Finding], list[float]]
"""Returns the log-likelihood ratio of each bucket. A positive one speaks for the incident."""


class Statistic(NamedTuple):
    """The ratios of a stream, and how many hours before the present its baseline has."""

    ratios: Ratios
    hours: int


def last_left_zero(ratios: Sequence[float]) -> int | None:
    """Return the position at which the cumulative sum last left zero, None if it is zero now, or was never surely zero.

    The sum begins at zero only because the buckets begin. It was zero if those before the position speak against the incident.
    """
    lowest = total = 0.0
    left = None
    before = 0.0
    for position, ratio in enumerate(ratios):
        was_zero = total <= lowest
        total += ratio
        if was_zero and total > lowest:
            left, before = position, lowest
        lowest = min(lowest, total)
    return left if total > lowest and before <= -SURE else None


def began(of: str, evidence: Evidence, finding: Finding) -> Since | None:
    """Return when the incident of a finding began, None if that is not in the panes.

    Buckets are those of the finding's window. If the statistic was never surely zero in their reach, longer ones are used.

    Args:
        of: the stream of the finding
        evidence: the events of its label set
        finding: the finding
    """
    statistic = STATISTICS[of]
    shortest = Span(evidence.minute, finding.window_seconds * 1000).code
    for resolution in (MINUTES, QUARTERS, HOURS):
        if resolution.code >= shortest:
            present = evidence.minute * MINUTE // resolution.step
            reach = min(REACH[resolution.code], statistic.hours * HOUR // resolution.step)
            first = present + 1 - reach
            buckets = Buckets(evidence.events, resolution.code, first, evidence.minute)
            position = last_left_zero(statistic.ratios(buckets, evidence, finding))
            if position is not None:
                return Since((first + position) * resolution.step, resolution.step)
    return None


def _counts(depth: int) -> Statistic:
    """Return the statistic of Poisson counts, with the ratios n ln d - (d - 1) m.

    m is the baseline of the bucket, d the finding's events by the baseline of its window. `depth` is that of the detector.
    """

    def ratios(buckets: Buckets, evidence: Evidence, finding: Finding) -> list[float]:
        base = evidence.baseline(depth)
        span, now = Span(evidence.minute, finding.window_seconds * 1000), (evidence.minute + 1) * MINUTE
        factor = max(finding.events, 0.5) / max(base.expected(span.begin, now), 1e-6)
        factor = max(factor, MIN_FACTOR) if factor > 1 else min(factor, 1 / MIN_FACTOR)
        # nothing can be missing of the present minute, because it is not over
        last = (evidence.minute + (factor > 1)) * MINUTE
        expected = (base.expected(begin, max(begin, min(end, last))) for begin, end in buckets.bounds())
        return [
            n * log(factor) - (factor - 1) * m for n, m in zip(buckets.counts(EVENT), expected, strict=True)
        ]

    return Statistic(ratios, depth)


def _classes(parts: tuple[int, ...]) -> Statistic:
    """Return the statistic of answers by class, with the ratios sum of n ln(q / p).

    q are the shares of the window, p those of the 30 days before it.
    """

    def ratios(buckets: Buckets, evidence: Evidence, finding: Finding) -> list[float]:
        window, month = (
            [evidence.events.count(Span(evidence.minute, length), part) for part in parts]
            for length in (finding.window_seconds * 1000, scores.MONTH)
        )
        before = [all_ - new for all_, new in zip(month, window, strict=True)]
        logs = [log(q / p) for q, p in zip(_shares(window), _shares(before), strict=True)]
        columns = zip(*map(buckets.counts, parts), strict=True)
        return [sum(n * ratio for n, ratio in zip(counts, logs, strict=True)) for counts in columns]

    return Statistic(ratios, MONTH_HOURS)


def _shares(counts: Sequence[int]) -> list[float]:
    """Return the shares of classes, with half an answer of each."""
    return [(n + 0.5) / (sum(counts) + 0.5 * len(counts)) for n in counts]


def _overdue(buckets: Buckets, evidence: Evidence, finding: Finding) -> list[float]:
    """Return the ratios of overdue cycles, k ln(q / p) + (n - k) ln((1 - q) / (1 - p)), with the baseline's share of the hour."""
    base, span = evidence.shares(), Span(evidence.minute, finding.window_seconds * 1000)
    bad, good = (evidence.events.count(span, part) for part in (OVERDUE, IN_TIME))
    share = min(max(bad / max(bad + good, 1), MIN_SHARE), 1 - MIN_SHARE)
    result = []
    columns = zip(buckets.bounds(), *map(buckets.counts, (OVERDUE, IN_TIME)), strict=True)
    for (begin, _), late, in_time in columns:
        expected = base.share(begin // HOUR)
        result.append(late * log(share / expected) + in_time * log((1 - share) / (1 - expected)))
    return result


def _means(buckets: Buckets, evidence: Evidence, finding: Finding) -> list[float]:
    """Return the ratios of normal logarithms of durations, (d / s^2) (sum - n (m + d / 2)).

    m and s^2 are mean and variance of the 30 days before the window, d the finding's increase.
    """
    spans = (Span(evidence.minute, finding.window_seconds * 1000), Span(evidence.minute, scores.MONTH))
    n, total, squares = (
        evidence.events.count(spans[1], part) - evidence.events.count(spans[0], part)
        for part in (means.NUMBER, means.SUM, means.SQUARES)
    )
    mean = total / n
    variance = max(squares / n - mean**2, 1.0)
    increase = means.UNIT * log(finding.events / finding.baseline_events)
    return [
        increase / variance * (of_bucket - number * (mean + increase / 2))
        for number, of_bucket in zip(buckets.counts(means.NUMBER), buckets.counts(means.SUM), strict=True)
    ]


STATISTICS: Mapping[str, Statistic] = {
    LEAVING_CUSTOMERS.of: _counts(DEPTH),
    PAYMENT_CHURN.of: _counts(PAYMENT_DEPTH),
    ANSWERS_LATE.of: Statistic(_overdue, MONTH_HOURS),
    REOPENINGS.of: _counts(REOPENING_DEPTH),
    HANDLE_TIME.of: Statistic(_means, MONTH_HOURS),
    NPS_ANSWERS.of: _classes((scores.DOWN, scores.NEUTRAL, scores.UP)),
    CSAT_ANSWERS.of: _classes((scores.DOWN, scores.UP)),
    ANSWERS_MISSING.of: _counts(ANSWERS_DEPTH),
}
"""The statistics by the stream."""
