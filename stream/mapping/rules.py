"""Rules, which make the events of one type."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from schemas.codec import Undecodable
from schemas.envelope import EVENTS, Event
from schemas.explain import bad_data
from schemas.fields import Data, abbreviated
from schemas.topics import DERIVED
from stream.mapping.decoder import DECODER
from stream.mapping.expressions import PathExpression, Scope, TextTemplate, text_of
from stream.mapping.forms import Constant, EventForm, ValueForm
from stream.mapping.known_fields import unknown_field
from stream.mapping.local_times import FileOrder
from stream.mapping.values import MISSING, FieldValue, compile_form, compile_table, compile_value

ELEMENT, INDEX = "_each", "_index"
"""Names of the element of the array `each` and of its index from 0."""

_KINDS = {kind.TYPE: kind for kind in EVENTS}
_TYPES = sorted(_KINDS)
_ACCEPTED: dict[type[inspect.Type], set[str]] = {
    inspect.StrType: {"text"},
    inspect.LiteralType: {"text"},
    inspect.DateTimeType: {"text", "time"},
    inspect.IntType: {"int"},
    inspect.FloatType: {"int", "number"},
    inspect.BoolType: {"bool"},
    inspect.TupleType: {"list"},
    inspect.VarTupleType: {"list"},
    inspect.DictType: {"table"},
}


class RuleError(NamedTuple):
    """An error of a rule for a record: the field, the fault, and the element of the array `each` ("" without one)."""

    field: str
    detail: str
    element: str


class Faults(list[str]):
    """The faults of a mapping file, each with its place in the file."""

    @contextmanager
    def at(self, location: str) -> Iterator[None]:
        """Record a ValueError of the block as a fault of `location`."""
        try:
            yield
        except ValueError as error:
            self.append(f"{location}: {error}")


class Condition:
    """An expression that must have one of several values as text. Raises ValueError if it cannot be used."""

    def __init__(self, path: str, values: Constant | tuple[Constant, ...]) -> None:
        self._expression = PathExpression(path)
        self._texts = {text_of(value) for value in (values if isinstance(values, tuple) else (values,))}
        self.names = self._expression.names

    def holds(self, scope: Scope) -> bool:
        """Return whether the expression has one of the values, which are no arrays or objects. Raises ValueError."""
        value = self._expression(scope)
        return not isinstance(value, list | dict) and text_of(value) in self._texts


class EventRule:
    """A compiled rule. Its faults are added to `faults`, and with any it must not be used.

    Attributes:
        label: number, name and event type, for errors
        names: top-level names of the record that it reads
    """

    def __init__(self, form: EventForm, number: int, source: TextTemplate, faults: Faults) -> None:
        named = f" {form.name!r}" if form.name else ""
        self.label = f"rule {number}{named} ({abbreviated(form.type)[1:-1]})"
        self._constant = {"specversion": "1.0", "type": form.type}
        self._when = self._conditions(form.when, "when", faults)
        self._skip = self._conditions(form.skip, "skip", faults)
        self._each: PathExpression | None = None
        if form.each is not None:
            with faults.at(f"{self.label}: each"):
                self._each = PathExpression(form.each)
        self._fields: dict[str, FieldValue] = {}
        with faults.at(f"{self.label}: id"):
            self._fields["id"] = _identifier(form.id)
        with faults.at(f"{self.label}: time"):
            self._fields["time"] = _time(form.time)
        self._source = source
        self._data: dict[str, FieldValue] = {}
        if form.type not in _KINDS:
            nearest = get_close_matches(form.type, _TYPES, n=1, cutoff=0.0)[0]
            faults.append(f"{self.label}: type: got {abbreviated(form.type)}, did you mean {nearest!r}")
        elif _KINDS[form.type] in DERIVED:
            faults.append(f"{self.label}: type: got {form.type!r}, which workers write, and nobody else")
        else:
            self._compile_data(form.data, _KINDS[form.type], faults)
        names = self._all_names()
        if ELEMENT in names and form.each is None:
            faults.append(f"{self.label}: {ELEMENT}: allowed in rules with each only")
        self.names = names - {ELEMENT, INDEX}

    def results(self, record: Scope, order: FileOrder) -> Iterator[Event | RuleError]:
        """Yield the events of a record, or their errors. Nothing if the rule does not take the record."""
        try:
            if not self._takes(record, of_element=False):
                return
            elements = self._elements(record)
        except ValueError as error:
            yield RuleError("when, skip or each", str(error), "")
            return
        for index, scope in enumerate(elements):
            element = f"each[{index}]" if self._each else ""
            try:
                if self._takes(scope, of_element=True):
                    yield self._event(scope, order, element)
            except ValueError as error:
                yield RuleError("when or skip", str(error), element)

    def _takes(self, scope: Scope, *, of_element: bool) -> bool:
        """Return whether the conditions hold that read the element, or those that do not."""

        def chosen(condition: Condition) -> bool:
            return of_element != condition.names.isdisjoint((ELEMENT, INDEX))

        return all(condition.holds(scope) for condition in self._when if chosen(condition)) and not any(
            condition.holds(scope) for condition in self._skip if chosen(condition)
        )

    def _elements(self, record: Scope) -> list[Scope]:
        if self._each is None:
            return [record]
        elements = self._each(record)
        if elements is None:
            return []
        if not isinstance(elements, list):
            raise ValueError(f"{self._each.label}: got {abbreviated(elements)}, allowed is an array")  # noqa: TRY004
        return [{**record, ELEMENT: element, INDEX: index} for index, element in enumerate(elements)]

    def _event(self, scope: Scope, order: FileOrder, element: str) -> Event | RuleError:
        event: dict[str, Any] = dict(self._constant)
        data: dict[str, Any] = {}
        field = "source"
        try:
            event["source"] = self._source(scope)
            for field, value in self._fields.items():
                event[field] = value.build(scope, order)
                if event[field] is MISSING or event[field] is None:
                    return RuleError(field, "got nothing, allowed is a value", element)
            for name, value in self._data.items():
                field = f"data.{name}"
                built = value.build(scope, order)
                if built is not MISSING:
                    data[name] = built
            field = "data"
            return DECODER.decode(msgspec.json.encode(event | {"data": data}), ())
        except Undecodable as error:
            path, _, detail = error.detail.partition(": ")
            return RuleError(path, detail, element)
        except (ValueError, ArithmeticError, TypeError, RecursionError) as error:
            return RuleError(field, str(error), element)

    def _conditions(
        self, conditions: Mapping[str, Constant | tuple[Constant, ...]], option: str, faults: Faults
    ) -> list[Condition]:
        compiled = []
        for path, values in conditions.items():
            with faults.at(f"{self.label}: {option}"):
                compiled.append(Condition(path, values))
        return compiled

    def _compile_data(self, values: dict[str, Any], kind: type[Data], faults: Faults) -> None:
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        for name, value in values.items():
            if name not in fields:
                faults.append(f"{self.label}: {unknown_field(name, kind, 'data.').detail}")
                continue
            accepted = accepted_kinds(kind, name)
            with faults.at(f"{self.label}: data.{name}"):
                is_table = "table" in accepted and isinstance(value, dict)
                compiled = compile_table(value) if is_table else compile_value(value)
                _check_value(compiled, accepted, fields[name], kind)
                self._data[name] = compiled
        for name in (name for name, field in fields.items() if field.required and name not in values):
            faults.append(f"{self.label}: data.{name}: missing, every {kind.TYPE} needs it")

    def _all_names(self) -> frozenset[str]:
        conditions = [condition.names for condition in (*self._when, *self._skip)]
        values = [value.names for value in (*self._fields.values(), *self._data.values())]
        return self._source.names.union(*conditions, *values, self._each.names if self._each else ())


def accepted_kinds(kind: type[Data], field: str) -> set[str]:
    """Return the kinds of values that a field of an event accepts, as `FieldValue.kind` names them."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    types = [part.type for part in info.fields if part.encode_name == field]
    accepted: set[str] = set()
    for member in types:  # grows as unions and metadata are unwrapped
        if isinstance(member, inspect.UnionType):
            types += member.types
        elif isinstance(member, inspect.Metadata):
            types.append(member.type)
        else:
            accepted |= _ACCEPTED.get(type(member), set())
    return accepted


def _identifier(text: str) -> FieldValue:
    template = TextTemplate(text)
    if template.constant is not None:
        raise ValueError(f"got {abbreviated(text)}, allowed is a text with an expression in braces")
    return compile_value(text)


def _time(value: str | ValueForm) -> FieldValue:
    form = ValueForm(text=value) if isinstance(value, str) else value
    if form.type not in {None, "time"} or form.values is not None:
        raise ValueError(f"got {form.type or 'values'}, allowed is type time, which is the default here")
    return compile_form(form, type_="time")


def _check_value(value: FieldValue, accepted: set[str], field: Any, kind: type[Data]) -> None:
    """Raise ValueError if a value can never be one of the field, as far as its constants and type say."""
    if value.kind is not None and value.kind not in accepted:
        hint = '; a text becomes one with { path = "…", type = "…" }' if value.kind == "text" else ""
        raise ValueError(f"got a {value.kind}, allowed is {' or '.join(sorted(accepted))}{hint}")
    for constant in value.constants:
        is_element = "list" in accepted and value.names and not isinstance(constant, list)
        try:
            msgspec.convert([constant] if is_element else constant, field.type)
        except ValueError as error:
            fault = bad_data(error, {"data": {field.name: constant}}, kind, inside=f"data.{field.name}")
            raise ValueError(fault.detail.partition(": ")[2]) from None
