"""The values of an event's fields: constants, texts, expressions, lists and tables."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from schemas.fields import abbreviated
from stream.mapping.conversions import (
    DURATION_FORMATS,
    NUMBER_FORMATS,
    duration,
    minor_units,
    number,
    percent,
    scaled,
    whole,
)
from stream.mapping.expressions import PathExpression, Scope, TextTemplate, shortened, text_of
from stream.mapping.forms import ValueForm
from stream.mapping.local_times import FileOrder, TimeReader

MISSING = msgspec.UNSET
"""The value of a field without a value, which is left out."""
MAX_LIST = 1_000
"""Allowed length of a list."""

MAX_REMEMBERED = 1_000
"""Texts of which a value remembers the conversion: rows often have the same ones."""
_REMEMBERED = {None, "int", "number", "percent", "duration"}
"""Types of which the conversion depends on the text alone."""

Build = Callable[[Scope, FileOrder], Any]
Convert = Callable[[Any, Scope, FileOrder], Any]


class FieldValue:
    """A compiled value.

    Attributes:
        build: returns the value of a scope, `MISSING` for none, and raises ValueError
        names: names of the scope that it reads
        constants: constants that it may return
        kind: "text", "int", "number", "time", "list" or "table", and None if it depends on the record
        field: the name of the scope of which it is the text, None for other values
    """

    def __init__(
        self,
        build: Build,
        names: frozenset[str] = frozenset(),
        *,
        constants: tuple[Any, ...] = (),
        kind: str | None = None,
        field: str | None = None,
    ) -> None:
        self.build, self.names, self.constants, self.kind = build, names, constants, kind
        self.field = field


def compile_value(value: Any) -> FieldValue:
    """Compile a constant, a text, a list or a `ValueForm` as decoded from TOML. Raises ValueError."""
    if isinstance(value, str):
        return _text(TextTemplate(value))
    if isinstance(value, list):
        return _list([compile_value(item) for item in value])
    if isinstance(value, dict):
        return compile_form(msgspec.convert(value, ValueForm))
    return FieldValue(lambda _, __: value, constants=(value,))


def compile_table(values: Mapping[str, Any]) -> FieldValue:
    """Compile a table whose entries are values of their own. Raises ValueError."""
    entries = {name: compile_value(value) for name, value in values.items()}

    def build(scope: Scope, order: FileOrder) -> dict[str, Any]:
        built = {name: entry.build(scope, order) for name, entry in entries.items()}
        return {name: value for name, value in built.items() if value is not MISSING}

    return FieldValue(build, _names(list(entries.values())), kind="table")


def compile_form(form: ValueForm, *, type_: str | None = None) -> FieldValue:
    """Compile a value form. `type_` replaces an absent type. Raises ValueError."""
    type_ = form.type or type_
    if (form.path is None) == (form.text is None):
        raise ValueError(
            "got path and text, allowed is one of them" if form.path else "path or text: missing"
        )
    _check_options(form, type_)
    source = TextTemplate(form.text) if form.text is not None else PathExpression(form.path or "")
    convert, names = _conversion(form, type_)
    convert = _with_nulls(convert, {text_of(constant) for constant in form.null})
    column = _column(form)
    remembered: Callable[[str], Any] | None = None
    if type_ in _REMEMBERED and form.split is None:
        remembered = lru_cache(MAX_REMEMBERED)(lambda text: convert(text, {}, FileOrder()))

    def build(scope: Scope, order: FileOrder) -> Any:
        value = source(scope)
        try:
            if remembered is not None and type(value) is str:
                return remembered(value)
            if form.split is not None and isinstance(value, str):
                value = [part.strip() for part in value.split(form.split)]
            if not isinstance(value, list):
                return convert(value, scope, order)
            return _kept([convert(item, scope, order) for item in value])
        except ValueError as error:
            raise ValueError(f"{column}: {error}") from None

    defaults = () if form.default is MISSING else (form.default,)
    constants = (*(form.values or {}).values(), *defaults)
    return FieldValue(build, source.names | names, constants=constants, kind=_kind(form, type_))


def _kind(form: ValueForm, type_: str | None) -> str | None:
    if form.split is not None:
        return "list"
    if type_ is not None:
        return {"int": "int", "minor": "int", "time": "time"}.get(type_, "number")
    return "text" if form.values is None and form.text is not None else None


def _column(form: ValueForm) -> str:
    """Return the expression of a value, for errors."""
    return shortened(form.text if form.text is not None else form.path or "")


def _with_nulls(convert: Convert, nulls: set[str]) -> Convert:
    """Return a conversion for which nothing is a missing value, and a value with a text in `nulls` is null."""

    def convert_or_null(value: Any, scope: Scope, order: FileOrder) -> Any:
        if (value is None or value == "") and "" not in nulls:
            return MISSING
        if nulls and text_of(value) in nulls:
            return None
        return convert(value, scope, order)

    return convert_or_null


def _text(template: TextTemplate) -> FieldValue:
    if template.constant is not None:
        constant = template.constant
        return FieldValue(lambda _, __: constant, constants=(constant,))

    def build(scope: Scope, _: FileOrder) -> Any:
        text = template(scope)
        return MISSING if text is None else text

    return FieldValue(build, template.names, kind="text", field=template.field)


def _list(items: list[FieldValue]) -> FieldValue:
    def build(scope: Scope, order: FileOrder) -> list[Any]:
        return _kept([item.build(scope, order) for item in items])

    constants = tuple(item.constants for item in items)
    if all(len(of_item) == 1 and item.kind is None for of_item, item in zip(constants, items, strict=True)):
        whole_list = [only for (only,) in constants]
        return FieldValue(build, _names(items), constants=(whole_list,), kind="list")
    return FieldValue(build, _names(items), kind="list")


def _kept(items: list[Any]) -> list[Any]:
    if len(items) > MAX_LIST:
        raise ValueError(f"got {len(items):,} elements, allowed are {MAX_LIST:,}")
    return [item for item in items if item is not MISSING]


def _names(values: list[FieldValue]) -> frozenset[str]:
    return frozenset[str]().union(*(value.names for value in values))


def _check_options(form: ValueForm, type_: str | None) -> None:
    """Raise ValueError for options that the type does not use, so that none is ignored."""
    uses = {
        None: set(),
        "int": {"format", "times"},
        "number": {"format", "times"},
        "percent": {"format"},
        "minor": {"format", "times", "currency"},
        "duration": {"format"},
        "time": {"format", "timezone"},
    }[type_]
    given = {name for name in ("format", "timezone", "currency") if getattr(form, name) is not None}
    given |= {"times"} if form.times != 1 else set()
    if unused := sorted(given - uses):
        raise ValueError(
            f"{unused[0]}: not allowed for {f'type {type_}' if type_ else 'a value without type'}"
        )
    if form.values is not None and type_ is not None:
        raise ValueError("type: not allowed with values, whose entries have types of their own")
    if form.default is not MISSING and form.values is None:
        raise ValueError(
            "default: allowed with values only; for a value that may be missing, use || in the path"
        )
    if form.split == "":
        raise ValueError("split: got '', allowed is the text between two values")
    if type_ == "minor" and form.currency is None:
        raise ValueError("currency: missing, type minor needs it")
    if not form.times or form.times != form.times or abs(form.times) == float("inf"):
        raise ValueError(f"times: got {form.times}, allowed is a number other than 0")
    formats = DURATION_FORMATS if type_ == "duration" else NUMBER_FORMATS
    if type_ not in {None, "time"} and form.format is not None and form.format not in formats:
        raise ValueError(
            f"format: got {abbreviated(form.format)}, allowed is one of {', '.join(map(repr, formats))}"
        )


def _conversion(form: ValueForm, type_: str | None) -> tuple[Convert, frozenset[str]]:
    """Return the conversion of a value that is there, and the names that it reads besides."""
    if form.values is not None:
        return _look_up(form.values, form.default), frozenset()
    if type_ == "time":
        read, column = TimeReader(form.format, form.timezone), form.text or form.path or ""
        return lambda value, _, order: read(value, column, order), frozenset()
    times = Decimal(repr(form.times))
    if type_ == "minor":
        currency = TextTemplate(form.currency or "")
        format_ = form.format or "1234.50"
        return (
            lambda value, scope, _: minor_units(value, format_, currency(scope), times),
            currency.names,
        )
    format_ = form.format or ("h:mm:ss" if type_ == "duration" else "1234.50")
    simple: dict[str | None, Callable[[Any], Any]] = {
        None: lambda value: value,
        "int": lambda value: whole(value, format_, times),
        "number": lambda value: float(scaled(number(value, format_), times)),
        "percent": lambda value: float(percent(value, format_)),
        "duration": lambda value: float(duration(value, format_)),
    }
    convert = simple[type_]
    return lambda value, _, __: convert(value), frozenset()


def _look_up(values: dict[str, Any], default: Any) -> Convert:
    allowed = ", ".join(values)

    def convert(value: Any, _: Scope, __: FileOrder) -> Any:
        result = values.get(text_of(value), default)
        if result is MISSING:
            raise ValueError(f"got {abbreviated(value)}, allowed is one of {allowed}")
        return result

    return convert
