"""A mapping file: which events a row of another system's export stands for."""

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
from stream.importing.sending import DECODER

RowCells = Mapping[str, str]
FieldBuilder = Callable[[RowCells], Any]

_COLUMN = re.compile(r"\{([^{}]+)\}")
_TYPES = sorted(kind.TYPE for kind in EVENTS)


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the mapping file."""


class TimeForm(Form, frozen=True, kw_only=True):
    """When it happened: a text with columns in braces, ISO 8601 or as `strptime` reads it, local to a timezone."""

    text: str
    format: str | None = None
    timezone: str = "UTC"


class CellForm(Form, frozen=True, kw_only=True):
    """A field from a column. Texts in `null` are null; others are looked up in `values` or converted.

    An int is the number `times` so much, which has to be whole: 100 makes cents of 12.34.
    """

    column: str
    type: Literal["text", "int"] = "text"
    null: frozenset[str] = frozenset()
    values: dict[str, Any] | None = None
    times: int = 1


class EventForm(Form, frozen=True, kw_only=True):
    """One event a row, but only where columns of `when` hold one of their texts, and those of `skip` do not."""

    type: str
    id: str
    time: TimeForm
    data: dict[str, Any]
    when: dict[str, frozenset[str]] = {}
    skip: dict[str, frozenset[str]] = {}


class MappingForm(Form, frozen=True, kw_only=True):
    """A mapping file. Texts may hold columns in braces, as in `"{RESPNUM}"`."""

    source: str
    event: tuple[EventForm, ...]
    file: FileForm = FileForm()


class EventRule:
    """How a row becomes an event of one type."""

    def __init__(self, form: EventForm, source: str) -> None:
        if form.type not in _TYPES:
            nearest = get_close_matches(form.type, _TYPES, n=1, cutoff=0.0)[0]
            raise ValueError(f"event.type: got {form.type!r}, did you mean {nearest!r}")
        self.columns = {*form.when, *form.skip}
        """The columns that it reads."""
        self._when, self._skip = form.when, form.skip
        self._constant = {"specversion": "1.0", "type": form.type, "source": source}
        self._builders = {
            "id": self._text(form.id),
            "time": self._time(form.time),
            "data": self._builder(form.data),
        }

    def event(self, cells: RowCells) -> Event | None:
        """The event of a row, None where there is none. Raises ValueError when no reader would take it."""
        if not all(cells[column] in texts for column, texts in self._when.items()):
            return None
        if any(cells[column] in texts for column, texts in self._skip.items()):
            return None
        fields = {name: make(cells) for name, make in self._builders.items()}
        return DECODER.decode(msgspec.json.encode(self._constant | fields), ())

    def _builder(self, value: Any) -> FieldBuilder:
        if isinstance(value, dict) and "column" in value:
            return self._cell(msgspec.convert(value, CellForm))
        if isinstance(value, dict):
            makers = {name: self._builder(inner) for name, inner in value.items()}
            return lambda cells: {name: make(cells) for name, make in makers.items()}
        if isinstance(value, str):
            return self._text(value)
        return lambda _: value

    def _text(self, text: str) -> Callable[[RowCells], str]:
        self.columns.update(_COLUMN.findall(text))
        parts = _COLUMN.split(text)  # constants, and between them columns
        before, *rest = parts
        if len(parts) == 1:
            return lambda _: text
        if len(parts) == 3:
            column, after = rest
            return lambda cells: f"{before}{cells[column]}{after}"
        return lambda cells: "".join(cells[part] if i % 2 else part for i, part in enumerate(parts))

    def _time(self, form: TimeForm) -> Callable[[RowCells], datetime]:
        zone, text, by = ZoneInfo(form.timezone), self._text(form.text), form.format
        read = datetime.fromisoformat if by is None else lambda when: datetime.strptime(when, by)  # noqa: DTZ007 - the zone follows

        def make(cells: RowCells) -> datetime:
            moment = read(text(cells))
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)

        return make

    def _cell(self, form: CellForm) -> FieldBuilder:
        self.columns.add(form.column)

        def make(cells: RowCells) -> Any:
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

        return make


def _whole(form: CellForm, text: str) -> int:
    try:
        number = Decimal(text) * form.times
        if number == int(number):
            return int(number)
    except (ArithmeticError, ValueError):
        pass
    of = "" if form.times == 1 else f" of 1/{form.times:,}"
    raise ValueError(f"{form.column}: got {text!r}, allowed is a whole number{of}")


def load(path: Path) -> tuple[FileForm, list[EventRule]]:
    """How the exports are written, and their events. Raises CxgaugeError naming what is wrong with the mapping."""
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), MappingForm)
        return mapping.file, [EventRule(form, mapping.source) for form in mapping.event]
    except (OSError, ValueError, LookupError) as error:
        raise CxgaugeError(f"{path}: {error}") from error
