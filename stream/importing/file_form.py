"""The format of an exported file, and its rows."""

from typing import NamedTuple

import msgspec


class FileForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The format of a CSV file. `columns` names the columns of a file without a header line."""

    delimiter: str = ","
    encoding: str = "utf-8-sig"
    columns: tuple[str, ...] = ()


class Row(NamedTuple):
    """A row of a file: its number from 1 (in CSV that of its last line) and its stripped cells by column."""

    line: int
    cells: dict[str, str]
