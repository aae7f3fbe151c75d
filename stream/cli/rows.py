"""Rows of another system's export: CSV, also compressed with gzip, with or without a header line."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec

from stream.errors import CxgaugeError


class FileForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a file is written. `columns` names those of one that has no header line."""

    delimiter: str = ","
    encoding: str = "utf-8-sig"
    columns: tuple[str, ...] = ()


class Row(NamedTuple):
    """The number of a row's last line, from 1, and its cells by column, without white space around them."""

    line: int
    cells: dict[str, str]


def read(path: Path, form: FileForm) -> Iterator[Row]:
    """The rows of a file; cells that a short row lacks are empty. Raises CxgaugeError when it cannot be read so."""
    try:
        with _open(path, form.encoding) as lines:
            reader = csv.reader(lines, delimiter=form.delimiter, skipinitialspace=True, strict=True)
            columns = form.columns or tuple(name.strip() for name in next(reader, ()))
            for cells in reader:
                texts = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
                if any(texts):
                    yield Row(reader.line_num, dict(zip(columns, texts, strict=False)))
    except (OSError, EOFError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise CxgaugeError(f"{path}: {error}") from error


def _open(path: Path, encoding: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")
