"""Rows of CSV files, with or without a header line."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.text_files import READ_ERRORS, open_text
from stream.mapping.forms import FileForm


def read(path: Path, form: FileForm) -> Iterator[Record]:
    """Yield the rows of a file, each with its stripped cells by column. Missing cells are empty.

    Columns of the same name are numbered, as in `score#1` and `score#2`. A row with more values than columns has a
    fault, because its values may be in wrong columns. Raises CxgaugeError if the file cannot be read.
    """
    try:
        with open_text(path, form.encoding) as lines:
            yield from _records(lines, form)
    except UnicodeDecodeError as error:
        raise CxgaugeError(
            f"{path}: got bytes that are not {error.encoding}. Name the encoding in the mapping, for example:"
            ' [file] encoding = "cp1252"'
        ) from error
    except (*READ_ERRORS, ValueError, LookupError, TypeError) as error:
        raise CxgaugeError(f"{path}: {error}") from error


def _records(lines: TextIO, form: FileForm) -> Iterator[Record]:
    """Yield the rows. Raises ValueError with the first line of a row with wrong quotation marks."""
    reader = csv.reader(lines, delimiter=form.delimiter, skipinitialspace=True, strict=True)
    last_line = 0
    try:
        columns = form.columns or _numbered([name.strip() for name in next(reader, ())])
        last_line = reader.line_num
        for cells in reader:
            last_line = reader.line_num
            texts = [*map(str.strip, cells)]
            if len(texts) < len(columns):
                texts += [""] * (len(columns) - len(texts))
            if any(texts):
                is_too_long = len(texts) > len(columns) and any(texts[len(columns) :])
                fault = f"got {len(texts)} values, allowed are {len(columns)}" if is_too_long else ""
                yield Record(last_line, dict(zip(columns, texts, strict=False)), fault)
    except csv.Error as error:
        raise ValueError(
            f"row from line {last_line + 1} on: {error}. A quotation mark may be missing or not doubled"
        ) from error


def _numbered(names: list[str]) -> tuple[str, ...]:
    total, seen = Counter(names), Counter[str]()
    for index, name in enumerate(names):
        seen[name] += 1
        if total[name] > 1:
            names[index] = f"{name}#{seen[name]}"
    return tuple(names)
