"""How the file of an export is written, and what a row of it is."""

from typing import NamedTuple

import msgspec


class FileForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a CSV file is written. `columns` names those of one that has no header line."""

    delimiter: str = ","
    encoding: str = "utf-8-sig"
    columns: tuple[str, ...] = ()


class Row(NamedTuple):
    """Its number from 1 (CSV: of its last line) and its cells by column, without white space around them."""

    line: int
    cells: dict[str, str]
