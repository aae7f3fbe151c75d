"""A record of an exported file."""

from typing import Any, NamedTuple


class Record(NamedTuple):
    """A record of a file: its position and its value, a decoded JSON value or the cells of a row by column.

    `number` counts from 1. In CSV and JSON Lines it is that of the (last) line. `fault` is the reason why the record
    could not be read, "" mostly.
    """

    number: int
    value: Any
    fault: str = ""
