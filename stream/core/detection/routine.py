"""Customers who leave, where the feed does not tell decisions to leave from contracts that end: more than at this hour of any day."""

from stream.core.detection.baseline import Baseline
from stream.core.detection.finding import Finding
from stream.core.detection.leaving import LAST_MINUTES
from stream.core.detection.profile import CLUMP, DAY, WEEK, WEEKS
from stream.core.detection.stream_events import Span, StreamEvents
from stream.core.detection.tails import negative_binomial_upper
from stream.core.model.time_buckets import HOUR, MINUTE

DAYS = WEEKS * WEEK // DAY
"""Days of which the busiest one is expected. They contain the first of the last month."""
NEIGHBOURS = (-1, 0, 1)
"""Hours around the same hour of other days: runs may be late, and clocks are changed."""
LEAST = 5
"""Least number of events."""
SPREAD = 0.03
"""Squared coefficient of variation of a busy hour. The busiest one is expected, so it is less than that of all hours."""


def scan_routine(events: StreamEvents, base: Baseline, minute: int) -> Finding | None:
    """Return the finding about the last hour, None if there is none.

    Batches such as contracts that end or unpaid bills come at their hour of the day, but not every day. So the busiest of these
    hours within 35 days is expected, with those beside it. c events have the tail P(N >= c - 1) of a negative
    binomial distribution with that mean plus 0.15 (see `scan_counts`), and by chance happen (events a month) x P times a month. It is
    blind at hours with larger batches, and to the first batch of all. It takes some 100 us.

    Args:
        events: the events
        base: their baseline
        minute: the present
    """
    span = Span(minute, HOUR)
    count = events.count(span)
    if count < LEAST or events.newest_minute(minute, LAST_MINUTES) is None:
        return None
    expected = max(busiest(events, span, minute), base.expected(span.begin, (minute + 1) * MINUTE))
    if count <= expected:
        return None
    mean = expected + CLUMP - 1
    tail = negative_binomial_upper(count - 1, mean, CLUMP * mean + SPREAD * expected**2)
    return Finding(base.a_month * tail, count, expected, HOUR // 1000)


def busiest(events: StreamEvents, span: Span, minute: int) -> int:
    """Return the most events in an hour of the last 35 days that is at most one hour from the time of day of a window."""
    first, present = span.begin // HOUR, minute // 60
    start = present - DAYS * DAY - 2
    counts = events.hours.between(start, present)
    return max(
        counts[hour - day * DAY + beside - start]
        for hour in {first, present}
        for day in range(1, DAYS + 1)
        for beside in NEIGHBOURS
    )
