"""The tables of a mapping file (TOML)."""

from typing import Any, Literal

import msgspec

Constant = str | bool | int | float
Conversion = Literal["int", "number", "percent", "minor", "duration", "time"]


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a mapping file."""


class FileForm(Form, frozen=True, kw_only=True):
    """The format of a CSV file. `columns` names the columns of a file without a header line."""

    delimiter: str = ","
    encoding: str = "utf-8-sig"
    columns: tuple[str, ...] = ()


class ValueForm(Form, frozen=True, kw_only=True):
    """The value of a field, from a JMESPath expression (`path`) or a text with expressions in braces (`text`).

    `split` cuts a text into a list. Values in `null` become null. Others are looked up in `values`, where a missing
    one becomes `default`, or converted to `type`. A number is multiplied by `times`.
    """

    path: str | None = None
    text: str | None = None
    split: str | None = None
    null: tuple[Constant, ...] = ()
    values: dict[str, Any] | None = None
    default: Any = msgspec.UNSET
    type: Conversion | None = None
    format: str | None = None
    timezone: str | None = None
    currency: str | None = None
    times: int | float = 1


class EventForm(Form, frozen=True, kw_only=True):
    """An event of each record, or of each element of the array `each`.

    The expressions of `when` must have one of their values, and those of `skip` must not.
    """

    type: str
    id: str
    time: str | ValueForm
    data: dict[str, Any]
    name: str | None = None
    each: str | None = None
    when: dict[str, Constant | tuple[Constant, ...]] = {}
    skip: dict[str, Constant | tuple[Constant, ...]] = {}


class MappingForm(Form, frozen=True, kw_only=True):
    """A mapping file. `records` leads from a document to its record or array of records."""

    source: str
    event: tuple[EventForm, ...]
    records: str = "@"
    file: FileForm = FileForm()
