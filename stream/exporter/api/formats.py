"""Figures as JSON and as CSV, in pieces."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import orjson

from stream.exporter.api.figures import FigureFilter, FigureSource, ServedFigure
from stream.exporter.http.pages import PIECE

COLUMNS = ("metric", "version", "series", "unit", "view", "window")
"""Columns of CSV before those of labels. The value follows them."""

_FORMULA = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""The beginning of a text that a spreadsheet would take for a formula."""

Pieces = Iterator[bytes | None]
"""The parts of a body in short steps, None between two results."""


class Format(NamedTuple):
    """A format of figures: its media type, and the pieces of its body."""

    content_type: str
    pieces: Callable[[FigureSource, FigureFilter, Mapping[str, tuple[str, ...]]], Pieces]


def _json_pieces(source: FigureSource, wanted: FigureFilter, _: Mapping[str, tuple[str, ...]]) -> Pieces:
    """Yield a JSON object with a figure on each line."""
    yield from source.index()
    yield orjson.dumps(source.head)[:-1] + b',"figures":['
    before = b"\n"
    for figure in source.figures(wanted):
        if figure is None:
            yield None
        else:
            yield before + orjson.dumps(_members(figure))
            before = b",\n"
    yield b"\n]}\n"


def _members(figure: ServedFigure) -> dict[str, object]:
    metric, family, view, window, labels, value = figure
    return {
        "metric": metric.name,
        "version": metric.version,
        "series": family.name,
        "unit": family.unit,
        "view": view,
        "window": window,
        "labels": labels,
        "value": value,
    }


def _csv_pieces(source: FigureSource, wanted: FigureFilter, views: Mapping[str, tuple[str, ...]]) -> Pieces:
    """Yield a line for each figure, with a column for each label that a wanted view or metric has (RFC 4180)."""
    yield from source.index()
    labels = [label for view in wanted.views for label in views[view]]
    labels += [label for metric in wanted.metrics for family in metric.families for label in family.labels]
    labels = list(dict.fromkeys(labels))
    yield _csv_line([*COLUMNS, *labels, "value"])
    for figure in source.figures(wanted):
        if figure is None:
            yield None
            continue
        members = _members(figure)
        own_labels = [figure.labels.get(label) for label in labels]
        yield _csv_line([*(members[name] for name in COLUMNS), *own_labels, figure.value])


def _csv_line(cells: list[object]) -> bytes:
    return ",".join(map(csv_cell, cells)).encode() + b"\r\n"


def csv_cell(value: object) -> str:
    """Return a cell. Texts are quoted and are no formulas. None is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    return '"' + no_formula(value).replace('"', '""') + '"'


def no_formula(text: str) -> str:
    """Return a text, with an apostrophe before one that a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def joined(pieces: Pieces) -> Pieces:
    """Yield the same bytes in pieces of PIECE bytes or a little more, and None in between."""
    buffer: list[bytes] = []
    size = 0
    for piece in pieces:
        if piece is not None:
            buffer.append(piece)
            size += len(piece)
        if size < PIECE:
            yield None
        else:
            yield b"".join(buffer)
            buffer, size = [], 0
    yield b"".join(buffer)


FORMATS = {
    "": Format("application/json", _json_pieces),
    ".csv": Format("text/csv", _csv_pieces),
}
"""The formats by the suffix of the path."""
