"""Values of headlines from the text of `/metrics`, and their format."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from math import floor
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from stream.cli.top.samples import TOTAL, LabelKey, Labels, Samples, effects_on_total, label_key
from stream.core.metrics.changes import change_of, verdict
from stream.core.metrics.decomposition import Effect
from stream.core.metrics.headlines import HEADLINES, MetricHeadline, Tile, encode, label_pattern
from stream.core.metrics.metric import Headline, previous
from stream.core.metrics.targets import target_verdict
from stream.errors import CxgaugeError

PIPELINE = (
    "cx_partitions_expected",
    "cx_partitions_covered",
    "cx_checkpoint_age_seconds",
    "cx_event_lag_seconds",
    "cx_events_total",
    "cx_target",
    "cx_benchmark",
)
"""Series without a view."""
ABSENT = "-"
MAX_ROWS = 10
"""Maximum label sets that are shown of a headline."""


class Row(NamedTuple):
    """The formatted values of a headline for one label set.

    `sample_size` is None if the headline has none.
    """

    title: str
    labels: str
    figure: str
    bounds: str
    sample_size: float | None
    change: str = ""
    """The change from the window before, and what it is worth."""
    mix: str = ""
    """By how much the label set moved the total because its share changed. Empty for the view `total`."""
    rate: str = ""
    """By how much it moved the total because its value changed."""
    target: str = ""
    """The target of the figure, and whether it is met. Empty if there is none."""
    benchmark: str = ""
    """Benchmarks of the figure with source and year. Empty if there are none."""


class MetricsSnapshot:
    """The samples of one view and window, and those of the pipeline, in a text of `/metrics`.

    Raises CxgaugeError for a text that is not in Prometheus' format.
    """

    def __init__(self, text: str, view: str, window: str) -> None:
        self._samples, self._totals = Samples(), Samples()
        """Those of the view, and those of `total`."""
        self.windows: set[str] = set()
        """All windows in the text."""
        self._view = view
        try:
            samples = [
                (sample.name, sample.labels, float(sample.value))
                for family in text_string_to_metric_families(_needed(text, view))
                for sample in family.samples
            ]
        except (ValueError, LookupError, OverflowError) as error:
            raise CxgaugeError(f"/metrics: expected Prometheus' text format, but {error}") from error
        for name, labels, value in samples:
            if "window" in labels:
                self.windows.add(labels["window"])
            if labels.get("window", window) == window:
                if labels.get("view", view) == view:
                    self._samples.add(name, labels, value)
                if labels.get("view") == TOTAL:
                    self._totals.add(name, labels, value)

    @property
    def is_of_exporter(self) -> bool:
        """Whether the text has the series that an exporter always serves."""
        return bool(self.pipeline("cx_partitions_expected"))

    def pipeline(self, name: str) -> list[float]:
        """Return the values of a series without view."""
        return [value for _, value in self._samples.of(name)]

    def rows(self) -> Iterator[Row]:
        """Yield the rows of each headline with a value or sample size, the largest samples first."""
        for shown in HEADLINES:
            headline, effects = shown.headline, {}
            if shown.is_compared_mean and self._view != TOTAL:
                effects = effects_on_total(headline, self._samples, self._totals)
            rows_of_headlines = sorted(
                self._row(shown, labels, value, effects)
                for labels, value in self._samples.of(headline.family.name)
                if is_of(headline, labels)
            )
            for title, group in groupby((row for _, row in rows_of_headlines), key=lambda row: row.title):
                rows = list(group)
                yield from rows[:MAX_ROWS]
                if len(rows) > MAX_ROWS:
                    yield Row(title, f"and {len(rows) - MAX_ROWS} more", "", "", None)
            if not rows_of_headlines and self._view == "total" and headline.sample_size:
                n = self._samples.sum(headline.sample_size, headline.sample_labels)
                if n is not None:
                    yield Row(headline.title, "", ABSENT, "", n)

    def _row(
        self, shown: MetricHeadline, labels: Labels, value: float, effects: Mapping[LabelKey, Effect[float]]
    ) -> tuple[tuple[str, float, str], Row]:
        """Return the sort key and the row of a label set, the largest samples first."""
        headline, label_names = shown.headline, shown.headline.family.labels
        open_values = [
            labels[name]
            for name, expected in zip(label_names, label_pattern(headline), strict=True)
            if expected is None
        ]
        others = [text for name, text in labels.items() if name not in {*label_names, "view", "window"}]
        low, high = (family and self._samples.sum(family, labels) for family in (headline.low, headline.high))
        money = open_values[-1] if headline.unit == "money" else ""
        bounds = (
            ""
            if low is None or high is None
            else f"{format_value(low, headline)} to {format_value(high, headline)}"
        )
        n = headline.sample_size and self._samples.sum(
            headline.sample_size, {**labels, **headline.sample_labels}
        )
        title, label = " ".join([headline.title, *open_values]), ", ".join(others)
        sort_key = (title, -(value if n is None else n), label)
        change = self._change(headline, labels)
        effect = effects.get(label_key(labels))
        parts = ["", ""] if effect is None else [format_change(part, headline) for part in effect]
        tile = Tile(HEADLINES.index(shown), tuple(labels[name] for name in label_names))
        figure = format_value(value, headline, money)
        return sort_key, Row(
            title,
            label,
            figure,
            bounds,
            n,
            change,
            *(*parts, self._target(tile, value, low, high), self._benchmarks(tile)),
        )

    def _target(self, tile: Tile, value: float, low: float | None, high: float | None) -> str:
        """Return the target of a figure, and whether it is met. Empty if it has none."""
        target, headline = (
            self._samples.sum_of("cx_target", figure=encode(tile)),
            HEADLINES[tile.number].headline,
        )
        if target is None:
            return ""
        return f"{format_value(target, headline)}, {target_verdict(headline, target, value, low, high)}"

    def _benchmarks(self, tile: Tile) -> str:
        """Return the benchmarks of a figure with source and year. Empty if it has none."""
        headline = HEADLINES[tile.number].headline
        return "; ".join(
            f"{format_value(value, headline)} ({labels['source']}, {labels['year']})"
            for labels, value in self._samples.of("cx_benchmark")
            if labels["figure"] == encode(tile)
        )

    def _change(self, headline: Headline, labels: Labels) -> str:
        """Return the change of a figure from the window before, empty if that is not exposed."""
        now = self._samples.period(headline, labels)
        before = self._samples.period(headline, labels, before=True)
        if now is None or before is None:
            return ""
        change = change_of(headline, now, before)
        return ", ".join(
            filter(None, (format_change(change.difference, headline), verdict(headline, change)))
        )


def _needed(text: str, view: str) -> str:
    """Return only the lines that are needed, because a text may have 200,000."""
    headlines = [shown.headline for shown in HEADLINES]
    families = [
        family
        for headline in headlines
        for family in (headline.family, headline.low, headline.high, headline.sample_size)
        if family
    ]
    families += [previous(family) for family in families]
    names = {f'{family.name}{{view="{shown}"' for family in families for shown in (view, TOTAL)}
    begin = tuple(names | set(PIPELINE))
    return "".join(f"{line}\n" for line in text.split("\n") if line.startswith(begin))


def is_of(headline: Headline, labels: Labels) -> bool:
    """Return whether a series with these labels is one that a headline shows."""
    wanted = zip(headline.family.labels, label_pattern(headline), strict=True)
    return all(expected in (None, labels.get(name)) for name, expected in wanted)


def format_value(value: float, headline: Headline, money: str = "") -> str:
    """Format a value in the unit of its headline. `money` is the currency, empty if there is none."""
    match headline.unit:
        case "ratio":
            return f"{100 * value:.{2 if 0 < abs(value) < 0.01 else 1}f} %"
        case "points":
            return f"{value:.1f}"
        case "money":
            return f"{value:,.2f} {money}".strip()
        case "seconds":
            return format_duration(value)
        case _:
            return f"{value:,.0f}"


def format_change(difference: float, headline: Headline) -> str:
    """Format a difference with its sign. That of two ratios is in percentage points."""
    size = abs(difference)
    text = f"{100 * size:.1f} pp" if headline.unit == "ratio" else format_value(size, headline)
    return f"{'-' if difference < 0 else '+'}{text}"


def format_duration(seconds: float) -> str:
    """Format seconds in the two largest units that are not zero."""
    if seconds < 60:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    index = next(i for i, (_, size) in enumerate(units) if seconds >= size)
    (big, size), (small, part) = units[index], units[index + 1]
    rounded = floor(seconds / part + 0.5) * part
    if index and rounded >= units[index - 1][1]:
        return format_duration(rounded)
    whole, rest = divmod(rounded, size)
    return f"{whole} {big} {rest // part} {small}" if rest else f"{whole} {big}"
