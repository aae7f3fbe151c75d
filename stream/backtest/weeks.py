"""Figures of calendar weeks: the scores, ratios and means that the live page has tiles of."""

from collections.abc import Iterator
from typing import NamedTuple

from stream.backtest.gauges import Gauges
from stream.core.metrics.headlines import HEADLINES, MetricHeadline, label_pattern, matches
from stream.core.metrics.metric import Family, Headline, Sample
from stream.core.model.time_buckets import DAY
from stream.core.windows.label_sets import LabelSet

WEEK = 7 * DAY
_MONDAY = 3 * DAY
"""The epoch began on a Thursday. A week begins on Monday at midnight, UTC."""


class WeeklyFigure(NamedTuple):
    """A figure of a label set in a week. Bounds and sample size are None for figures without.

    Attributes:
        headline: the figure
        values: values of the own labels of its family
        labels: the label set
        low: the lower 95 % bound
        high: the upper 95 % bound
        n: the sample size
    """

    headline: MetricHeadline
    values: tuple[str, ...]
    labels: LabelSet
    value: float
    low: float | None
    high: float | None
    n: float | None


def week_of(ms: int) -> int:
    """Return the number of the week of a time in ms."""
    return (ms + _MONDAY) // WEEK


def week_start(number: int) -> int:
    """Return the beginning of a week in ms."""
    return number * WEEK - _MONDAY


def weekly_figures(gauges: Gauges, slot: int, *, windowed: bool) -> Iterator[WeeklyFigure]:
    """Yield the figures that have data, as of the present of the gauges. Counts and sums are left out.

    Args:
        gauges: the series
        slot: the number of the window of seven days
        windowed: whether the figures are read that have a window, or those that have none
    """
    for headline in HEADLINES:
        family = headline.headline.family
        if family.windowed is windowed and not _is_sum(headline.headline):
            by_labels: dict[LabelSet, list[Sample]] = {}
            number = slot if windowed else None
            for labels, sample in gauges.samples(headline.domain, headline.metric, number):
                by_labels.setdefault(labels, []).append(sample)
            for labels, samples in by_labels.items():
                yield from _of_label_set(headline, labels, samples)


def _is_sum(headline: Headline) -> bool:
    """Return whether a figure is a count, or an amount that is a sum."""
    return headline.unit == "count" or (headline.unit == "money" and headline.family.windowed)


def _of_label_set(shown: MetricHeadline, labels: LabelSet, samples: list[Sample]) -> Iterator[WeeklyFigure]:
    """Yield the figures of a headline for a label set, one for each combination of its open labels."""
    headline = shown.headline
    wanted = label_pattern(headline)
    values_with_data = {
        sample.labels
        for sample in samples
        if sample.family is headline.family
        and all(want in (None, have) for want, have in zip(wanted, sample.labels, strict=True))
    }
    for values in sorted(values_with_data):
        own_labels = dict(zip(headline.family.labels, values, strict=True))
        value = _sum(samples, headline.family, own_labels)
        n = _sum(samples, headline.sample_size, own_labels | dict(headline.sample_labels))
        if value is not None and n != 0:
            low, high = _sum(samples, headline.low, own_labels), _sum(samples, headline.high, own_labels)
            yield WeeklyFigure(shown, values, labels, value, low, high, n)


def _sum(samples: list[Sample], family: Family | None, wanted: dict[str, str]) -> float | None:
    """Return the sum of the samples of a family that agree in the wanted labels, None if there are none."""
    values = [s.value for s in samples if s.family is family and matches(s.family, s.labels, wanted)]
    return sum(values) if values else None
