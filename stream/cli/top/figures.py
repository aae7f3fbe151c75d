"""Figures of a `/metrics` page by headline, and how they are written."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from math import floor
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from stream.core.metrics.headlines import HEADLINES, label_pattern
from stream.core.metrics.metric import Family, Headline

PIPELINE = ("cx_partitions_expected", "cx_partitions_covered", "cx_event_lag_seconds")
ABSENT = "-"
MAX_ROWS = 10
"""Label sets that are shown of a headline at most."""

Labels = Mapping[str, str]


class Row(NamedTuple):
    """A headline for one label set; None is what there is not."""

    title: str
    labels: str
    figure: str
    bounds: str
    sample_size: float | None


class MetricsSnapshot:
    """What a page says of one view and window, and of the pipeline."""

    def __init__(self, text: str, view: str, window: str) -> None:
        self._samples: dict[str, list[tuple[Labels, float]]] = {}
        self.windows: set[str] = set()
        """The windows that it has figures of."""
        self._view = view
        for family in text_string_to_metric_families(_needed(text, view)):
            for sample in family.samples:
                if "window" in sample.labels:
                    self.windows.add(sample.labels["window"])
                if sample.labels.get("window", window) == window:
                    self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def pipeline(self, name: str) -> list[float]:
        """The figures of a series without view."""
        return [value for _, value in self._samples.get(name, [])]

    def rows(self) -> Iterator[Row]:
        """Every headline that has a figure or a sample size, the label sets with the largest samples first."""
        for _, _, headline in HEADLINES:
            rows_of_headlines = sorted(
                self._row(headline, labels, value)
                for labels, value in self._samples.get(headline.family.name, [])
                if _is(headline, labels)
            )
            for title, group in groupby((row for _, row in rows_of_headlines), key=lambda row: row.title):
                rows = list(group)
                yield from rows[:MAX_ROWS]
                if len(rows) > MAX_ROWS:
                    yield Row(title, f"and {len(rows) - MAX_ROWS} more", "", "", None)
            if not rows_of_headlines and self._view == "total" and headline.sample_size:
                n = self._sum(headline.sample_size, {})
                if n is not None:
                    yield Row(headline.title, "", ABSENT, "", n)

    def _row(self, headline: Headline, labels: Labels, value: float) -> tuple[tuple[str, float, str], Row]:
        """A row, and where it stands: the largest samples first."""
        label_names = headline.family.labels
        open_ = [
            labels[name]
            for name, want in zip(label_names, label_pattern(headline), strict=True)
            if want is None
        ]
        others = [text for name, text in labels.items() if name not in {*label_names, "view", "window"}]
        low, high = (family and self._sum(family, labels) for family in (headline.low, headline.high))
        money = open_[-1] if headline.unit == "money" else ""
        bounds = (
            ""
            if low is None or high is None
            else f"{format_value(low, headline)} to {format_value(high, headline)}"
        )
        n = headline.sample_size and self._sum(headline.sample_size, labels)
        title, label = " ".join([headline.title, *open_]), ", ".join(others)
        sort_key = (title, -(value if n is None else n), label)
        return sort_key, Row(title, label, format_value(value, headline, money), bounds, n)

    def _sum(self, family: Family, labels: Labels) -> float | None:
        """The sum of a family's samples that agree on the labels both have."""
        values = [
            value
            for label_names, value in self._samples.get(family.name, [])
            if all(labels.get(name, text) == text for name, text in label_names.items())
        ]
        return sum(values) if values else None


def _needed(text: str, view: str) -> str:
    """The lines that can matter: a page may have 200,000."""
    headlines = [shown.headline for shown in HEADLINES]
    families = [family for h in headlines for family in (h.family, h.low, h.high, h.sample_size) if family]
    begin = tuple({f'{family.name}{{view="{view}"' for family in families} | set(PIPELINE))
    return "".join(f"{line}\n" for line in text.split("\n") if line.startswith(begin))


def _is(headline: Headline, labels: Labels) -> bool:
    wanted = zip(headline.family.labels, label_pattern(headline), strict=True)
    return all(want in (None, labels.get(name)) for name, want in wanted)


def format_value(value: float, headline: Headline, money: str = "") -> str:
    """A figure in its unit, as people read it."""
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


def format_duration(seconds: float) -> str:
    """Seconds in the two largest units that say something."""
    if seconds < 60:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    at = next(i for i, (_, size) in enumerate(units) if seconds >= size)
    (big, size), (small, part) = units[at], units[at + 1]
    rounded = floor(seconds / part + 0.5) * part
    if at and rounded >= units[at - 1][1]:
        return format_duration(rounded)
    whole, rest = divmod(rounded, size)
    return f"{whole} {big} {rest // part} {small}" if rest else f"{whole} {big}"
