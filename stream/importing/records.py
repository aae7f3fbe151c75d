"""Records of another system's export in any of the formats."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from stream.importing import json_records, rows, xes
from stream.importing.record import Record
from stream.mapping.forms import FileForm

Format = Literal["csv", "xes", "jsonl", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
FLAT: tuple[Format, ...] = ("csv", "xes")
"""Formats whose records have the same columns and texts only."""

_SUFFIXES: dict[str, Format] = {".xes": "xes", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}


def format_of(path: Path) -> Format:
    """Return the format that the name of a file says, also with .gz behind it. It is CSV for other names."""
    name = path.with_suffix("") if path.suffix == ".gz" else path
    return _SUFFIXES.get(name.suffix.lower(), "csv")


def read(path: Path, format_: Format, form: FileForm) -> Iterator[Record]:
    """Yield the records of a file. `form` is that of CSV files. Raises CxgaugeError if the file cannot be read."""
    match format_:
        case "csv":
            return rows.read(path, form)
        case "xes":
            return xes.read(path)
        case "jsonl":
            return json_records.read_lines(path)
        case "json":
            return json_records.read_documents(path)


def position_of(path: Path, format_: Format, record: Record) -> str:
    """Return the position of a record for errors: file and line, or the number of a JSON document."""
    return f"{path}, record {record.number}" if format_ == "json" else f"{path}:{record.number}"
