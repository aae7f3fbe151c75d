"""Figures by metric, view and window, parsed from the bytes of `/metrics`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from stream.core.metrics.metric import Family, Metric
from stream.exporter.exposition import unescaped

_HELP = b"# HELP "
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class FigureFilter(NamedTuple):
    """The wanted metrics, and the names of the wanted views and windows."""

    metrics: Sequence[Metric]
    views: Sequence[str]
    windows: Sequence[str]


class ServedFigure(NamedTuple):
    """A series with a view. `window` is None for figures of now. `labels` are the others."""

    metric: Metric
    family: Family
    view: str
    window: str | None
    labels: Mapping[str, str]
    value: float


class FigureSource(Protocol):
    """Figures, and facts about all of them. It is read in short steps: None is yielded between two results."""

    def index(self) -> Iterator[None]:
        """Prepare everything else."""

    @property
    def head(self) -> dict[str, Any]:
        """The members of the JSON object before the figures."""

    def figures(self, wanted: FigureFilter) -> Iterator[ServedFigure | None]:
        """Yield the wanted figures."""


class ServedText:
    """A rendered exposition, and where each family begins and ends in it."""

    def __init__(self, plain: bytes) -> None:
        self._plain = plain
        self._sections: dict[str, tuple[int, int]] = {}

    def index(self) -> Iterator[None]:
        """Find the families, one a step. Everything else can be read afterwards."""
        begin = 0 if self._plain.startswith(_HELP) else self._next_section(0)
        while begin < len(self._plain):
            end = self._next_section(begin)
            name = self._plain[begin + len(_HELP) : end].split(b" ", 1)[0].decode()
            self._sections[name] = begin, end
            begin = end
            yield

    def _next_section(self, position: int) -> int:
        line_feed = self._plain.find(b"\n" + _HELP, position)
        return len(self._plain) if line_feed < 0 else line_feed + 1

    @property
    def head(self) -> dict[str, Any]:
        """The numbers of partitions, and the targets and benchmarks of figures."""
        expected, covered = (
            int(next((value for _, value in self._series(f"cx_partitions_{name}")), 0))
            for name in ("expected", "covered")
        )
        benchmarks = [
            {
                "figure": labels["figure"],
                "value": value,
                "source": labels["source"],
                "year": int(labels["year"]),
            }
            for labels, value in self._series("cx_benchmark")
        ]
        return {
            "partitions": {"expected": expected, "covered": covered},
            "targets": [
                {"figure": labels["figure"], "value": value} for labels, value in self._series("cx_target")
            ],
            "benchmarks": benchmarks,
        }

    def _series(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and values of a family."""
        for line in self._lines(name):
            text, _, value = line.decode().rpartition(" ")
            yield {label: unescaped(escaped) for label, escaped in _LABEL.findall(text)}, float(value)

    def figures(self, wanted: FigureFilter) -> Iterator[ServedFigure | None]:
        """Yield the wanted figures in the order of metrics and of `/metrics`. Those of now belong to every window."""
        views, windows = set(wanted.views), set(wanted.windows)
        for metric in wanted.metrics:
            for family in metric.all_families:
                for labels, value in self._series(family.name):
                    view, window = labels.pop("view"), labels.pop("window", None)
                    yield None
                    if view in views and (window is None or window in windows):
                        yield ServedFigure(metric, family, view, window, labels, value)

    def _lines(self, name: str) -> Iterator[bytes]:
        """Yield the series of a family."""
        position, end = self._sections.get(name, (0, 0))
        while position < end:
            line_end = self._plain.index(b"\n", position)
            if self._plain[position : position + 1] != b"#":
                yield self._plain[position:line_end]
            position = line_end + 1
