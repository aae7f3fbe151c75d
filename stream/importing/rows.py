"""Rows of another system's export: CSV with or without a header line, or XES, also with gzip."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from stream.errors import CxgaugeError
from stream.importing import xes
from stream.importing.file_form import FileForm, Row


def read(path: Path, form: FileForm) -> Iterator[Row]:
    """Yield the rows of a file, which is XES if its name says so, else CSV. Missing cells are empty.

    Raises CxgaugeError if the file cannot be read.
    """
    return xes.read(path) if ".xes" in path.suffixes[-2:] else _csv(path, form)


def _csv(path: Path, form: FileForm) -> Iterator[Row]:
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
