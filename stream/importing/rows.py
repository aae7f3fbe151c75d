"""Rows of CSV files, with or without a header line."""

import csv
from collections.abc import Iterator
from pathlib import Path

from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.text_files import READ_ERRORS, open_text
from stream.mapping.forms import FileForm


def read(path: Path, form: FileForm) -> Iterator[Record]:
    """Yield the rows of a file, each with its stripped cells by column. Missing cells are empty.

    Raises CxgaugeError if the file cannot be read.
    """
    try:
        with open_text(path, form.encoding) as lines:
            reader = csv.reader(lines, delimiter=form.delimiter, skipinitialspace=True, strict=True)
            columns = form.columns or tuple(name.strip() for name in next(reader, ()))
            for cells in reader:
                texts = [*map(str.strip, cells)]
                if len(texts) < len(columns):
                    texts += [""] * (len(columns) - len(texts))
                if any(texts):
                    yield Record(reader.line_num, dict(zip(columns, texts, strict=False)))
    except (*READ_ERRORS, ValueError, LookupError, TypeError, csv.Error) as error:
        raise CxgaugeError(f"{path}: {error}") from error
