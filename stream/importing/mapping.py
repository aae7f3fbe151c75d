"""Mapping files, which define the events of a row of another system's export."""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from schemas.envelope import EVENTS, Event
from stream.errors import CxgaugeError
from stream.importing.file_form import FileForm
from stream.mapping.decoder import DECODER
from stream.mapping.known_fields import unknown_field

RowCells = Mapping[str, str]
FieldBuilder = Callable[[RowCells], Any]

_COLUMN = re.compile(r"\{([^{}]+)\}")
_KINDS = {kind.TYPE: kind for kind in EVENTS}
_TYPES = sorted(_KINDS)


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a mapping file."""


class TimeForm(Form, frozen=True, kw_only=True):
    """The time of an event: a text with columns in braces, in ISO 8601 or the `strptime` format `format`.

    A time without an offset is local to `timezone`.
    """

    text: str
    format: str | None = None
    timezone: str = "UTC"


class CellForm(Form, frozen=True, kw_only=True):
    """A field from a column.

    Texts in `null` become null. Others are looked up in `values` or converted to `type`. An int is the number
    in the cell multiplied by `times`, which must be whole: 100 converts 12.34 to cents.
    """

    column: str
    type: Literal["text", "int"] = "text"
    null: frozenset[str] = frozenset()
    values: dict[str, Any] | None = None
    times: int = 1


class EventForm(Form, frozen=True, kw_only=True):
    """An event of each row in which columns of `when` have one of their texts and those of `skip` do not."""

    type: str
    id: str
    time: TimeForm
    data: dict[str, Any]
    when: dict[str, frozenset[str]] = {}
    skip: dict[str, frozenset[str]] = {}


class MappingForm(Form, frozen=True, kw_only=True):
    """A mapping file. Texts may contain columns in braces, as in `"{RESPNUM}"`."""

    source: str
    event: tuple[EventForm, ...]
    file: FileForm = FileForm()


class EventRule:
    """A compiled rule that makes an event of one type from a row."""

    def __init__(self, form: EventForm, source: str) -> None:
        if form.type not in _TYPES:
            nearest = get_close_matches(form.type, _TYPES, n=1, cutoff=0.0)[0]
            raise ValueError(f"event.type: got {form.type!r}, did you mean {nearest!r}")
        kind = _KINDS[form.type]
        for name in form.data:
            if name not in kind.__struct_fields__:
                raise ValueError(unknown_field(name, kind, "event.data.").detail)
        self.columns = {*form.when, *form.skip}
        """Names of the columns that the rule reads."""
        self._when, self._skip = form.when, form.skip
        self._constant = {"specversion": "1.0", "type": form.type, "source": source}
        self._builders = {
            "id": self._text(form.id),
            "time": self._time(form.time),
            "data": self._builder(form.data),
        }

    def event(self, cells: RowCells) -> Event | None:
        """Return the event of a row, None if the rule does not apply to it.

        Raises ValueError for an invalid event.
        """
        if not all(cells[column] in texts for column, texts in self._when.items()):
            return None
        if any(cells[column] in texts for column, texts in self._skip.items()):
            return None
        fields = {name: build(cells) for name, build in self._builders.items()}
        return DECODER.decode(msgspec.json.encode(self._constant | fields), ())

    def _builder(self, value: Any) -> FieldBuilder:
        if isinstance(value, dict) and "column" in value:
            return self._cell(msgspec.convert(value, CellForm))
        if isinstance(value, dict):
            builders = {name: self._builder(inner) for name, inner in value.items()}
            return lambda cells: {name: build(cells) for name, build in builders.items()}
        if isinstance(value, str):
            return self._text(value)
        return lambda _: value

    def _text(self, text: str) -> Callable[[RowCells], str]:
        self.columns.update(_COLUMN.findall(text))
        parts = _COLUMN.split(text)  # constants and columns alternate
        before, *rest = parts
        if len(parts) == 1:
            return lambda _: text
        if len(parts) == 3:
            column, after = rest
            return lambda cells: f"{before}{cells[column]}{after}"
        return lambda cells: "".join(cells[part] if i % 2 else part for i, part in enumerate(parts))

    def _time(self, form: TimeForm) -> Callable[[RowCells], datetime]:
        zone, text_of, format_ = ZoneInfo(form.timezone), self._text(form.text), form.format
        parse = (
            datetime.fromisoformat if format_ is None else lambda text: datetime.strptime(text, format_)  # noqa: DTZ007
        )

        def build(cells: RowCells) -> datetime:
            moment = parse(text_of(cells))
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)

        return build

    def _cell(self, form: CellForm) -> FieldBuilder:
        self.columns.add(form.column)

        def build(cells: RowCells) -> Any:
            text = cells[form.column]
            if text in form.null:
                return None
            if form.values is not None:
                if text not in form.values:
                    raise ValueError(
                        f"{form.column}: got {text!r}, allowed is one of {', '.join(form.values)}"
                    )
                return form.values[text]
            if form.type == "int":
                return _whole(form, text)
            return text

        return build


def _whole(form: CellForm, text: str) -> int:
    try:
        number = Decimal(text) * form.times
        if number == int(number):
            return int(number)
    except (ArithmeticError, ValueError):
        pass
    unit = "" if form.times == 1 else f" of 1/{form.times:,}"
    raise ValueError(f"{form.column}: got {text!r}, allowed is a whole number{unit}")


def load(path: Path) -> tuple[FileForm, list[EventRule]]:
    """Read a mapping file.

    Return the format of the exports and the rules. Raises CxgaugeError with path and fault.
    """
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), MappingForm)
        return mapping.file, [EventRule(form, mapping.source) for form in mapping.event]
    except (OSError, ValueError, LookupError) as error:
        raise CxgaugeError(f"{path}: {error}") from error
    except RecursionError as error:
        raise CxgaugeError(f"{path}: values are nested too deeply") from error
