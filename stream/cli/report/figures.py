"""The figures of a report with their change, and the label values that moved them."""

from collections.abc import Iterator
from typing import NamedTuple

from stream.cli.report.source import ExporterReadings
from stream.cli.top.figures import format_change, format_value, is_of
from stream.cli.top.samples import TOTAL, LabelKey, Labels, effects_on_total, label_key
from stream.core.metrics.changes import Change, Verdict, change_of, verdict
from stream.core.metrics.decomposition import Effect, Group
from stream.core.metrics.headlines import (
    DISPLAY_ORDER,
    HEADLINES,
    LEAD,
    MetricHeadline,
    Tile,
    encode,
    label_pattern,
)
from stream.core.metrics.targets import TargetVerdict, target_verdict


class FigureRow(NamedTuple):
    """A figure of all answers, tickets or customers. None where there is no value.

    `title` also has the values of labels that a headline leaves open, such as a survey.
    """

    shown: MetricHeadline
    tile: Tile
    title: str
    labels: Labels
    value: float
    low: float | None
    high: float | None
    n: float | None
    before: float | None
    change: Change | None
    verdict: Verdict
    target: float | None
    target_verdict: TargetVerdict

    @property
    def is_lead(self) -> bool:
        """Whether it is one of the figures that whoever leads support asks for first."""
        return self.shown in LEAD

    def text(self, value: float | None) -> str:
        """Return a value of the figure in its unit. Empty for None."""
        if value is None:
            return ""
        money = self.labels.get("currency", "") if self.shown.headline.unit == "money" else ""
        return format_value(value, self.shown.headline, money)

    def signed(self, difference: float) -> str:
        """Return a difference of the figure with its sign."""
        return format_change(difference, self.shown.headline)


class ChangePart(NamedTuple):
    """The part of a figure's change that a label set of a view explains. None where it has no answers.

    Shares are those of the label set in all answers.
    """

    view: str
    label: str
    effect: Effect[float]
    now: Group[float] | None
    before: Group[float] | None
    share: float
    share_before: float

    @property
    def size(self) -> float:
        """The whole effect in the unit of the figure."""
        return self.effect.mix + self.effect.rate


def figure_rows(readings: ExporterReadings) -> Iterator[FigureRow]:
    """Yield the figures in the order of the live page, those of the lead first."""
    totals = readings.views[TOTAL]
    for number in DISPLAY_ORDER:
        shown = HEADLINES[number]
        headline = shown.headline
        series = [
            (labels, value) for labels, value in totals.of(headline.family.name) if is_of(headline, labels)
        ]
        for labels, value in sorted(series, key=lambda entry: sorted(entry[0].items())):
            low, high = (family and totals.sum(family, labels) for family in (headline.low, headline.high))
            n = headline.sample_size and totals.sum(
                headline.sample_size, {**labels, **headline.sample_labels}
            )
            now = totals.period(headline, labels)
            before = totals.period(headline, labels, before=True)
            change = change_of(headline, now, before) if now is not None and before is not None else None
            tile = Tile(number, tuple(labels[name] for name in headline.family.labels))
            target = readings.targets.get(encode(tile))
            yield FigureRow(
                shown,
                tile,
                _title(shown, labels),
                labels,
                value,
                low,
                high,
                n,
                before and before.value,
                change,
                verdict(headline, change) if change is not None else "",
                target,
                "" if target is None else target_verdict(headline, target, value, low, high),
            )


def _title(shown: MetricHeadline, labels: Labels) -> str:
    headline = shown.headline
    pattern = zip(headline.family.labels, label_pattern(headline), strict=True)
    return " ".join([headline.title, *(labels[name] for name, value in pattern if value is None)])


def parts_of(readings: ExporterReadings, row: FigureRow, view: str) -> list[ChangePart]:
    """Return the parts of a figure's change by a view, the largest first. None without a window before."""
    headline, row_key = row.shown.headline, label_key(row.labels)
    if not row.shown.is_compared_mean or row.change is None:
        return []
    samples, totals = readings.views[view], readings.views[TOTAL]
    now, before = (samples.groups(headline, before=period) for period in (False, True))
    all_now, all_before = (totals.groups(headline, before=period).get(row_key) for period in (False, True))
    if all_now is None or all_before is None:
        return []
    parts = []
    for key, effect in effects_on_total(headline, samples, totals).items():
        if row_key <= key:
            group, group_before = now.get(key), before.get(key)
            share = group.n / all_now.n if group else 0
            share_before = group_before.n / all_before.n if group_before else 0
            parts.append(
                ChangePart(view, _label(key - row_key), effect, group, group_before, share, share_before)
            )
    return sorted(parts, key=lambda part: (-abs(part.size), part.label))


def _label(key: LabelKey) -> str:
    """Return the values of a label set. The answers that are in none of them have an empty key."""
    return ", ".join(value for _, value in sorted(key)) or "all others"
