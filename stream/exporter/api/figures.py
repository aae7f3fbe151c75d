"""Figures parsed from the bytes of `/metrics`, by metric, view and window."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

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


class ServedText:
    """A rendered exposition, and where each family begins and ends in it.

    It is read in short steps: None is yielded between two results.
    """

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

    def single(self, name: str) -> float:
        """Return the value of a family without labels, 0 if it is not served."""
        return next((float(line.rpartition(b" ")[2]) for line in self._lines(name)), 0)

    def figures(self, wanted: FigureFilter) -> Iterator[ServedFigure | None]:
        """Yield the wanted figures in the order of metrics and of `/metrics`. Those of now belong to every window."""
        views, windows = set(wanted.views), set(wanted.windows)
        for metric in wanted.metrics:
            for family in metric.all_families:
                for line in self._lines(family.name):
                    head, _, value = line.decode().rpartition(" ")
                    labels = {name: unescaped(text) for name, text in _LABEL.findall(head)}
                    view, window = labels.pop("view"), labels.pop("window", None)
                    yield None
                    if view in views and (window is None or window in windows):
                        yield ServedFigure(metric, family, view, window, labels, float(value))

    def _lines(self, name: str) -> Iterator[bytes]:
        """Yield the series of a family."""
        position, end = self._sections.get(name, (0, 0))
        while position < end:
            line_end = self._plain.index(b"\n", position)
            if self._plain[position : position + 1] != b"#":
                yield self._plain[position:line_end]
            position = line_end + 1
