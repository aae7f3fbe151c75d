"""Rules, which make the events of one type."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from schemas.codec import Undecodable
from schemas.depth import ALWAYS_SHALLOW
from schemas.envelope import EVENTS, Event
from schemas.explain import bad_data
from schemas.fields import Data, abbreviated
from schemas.times import FIELDS as TIMES
from schemas.topics import DERIVED
from schemas.unknown_fields import DECODE_ERRORS
from stream.mapping.decoder import DECODER
from stream.mapping.expressions import PathExpression, Scope, TextTemplate, text_of
from stream.mapping.forms import Constant, EventForm, ValueForm
from stream.mapping.known_fields import unknown_field
from stream.mapping.local_times import FileOrder
from stream.mapping.values import MISSING, FieldValue, compile_form, compile_table, compile_value
from stream.suggestions import suggestion

ELEMENT, INDEX = "_each", "_index"
"""Names of the element of the array `each` and of its index from 0."""

_encode = msgspec.json.Encoder().encode
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
        self.reads_element = not self.names.isdisjoint((ELEMENT, INDEX))

    def holds(self, scope: Scope) -> bool:
        """Return whether the expression has one of the values, which are no arrays or objects. Raises ValueError."""
        value = self._expression(scope)
        return not isinstance(value, list | dict) and text_of(value) in self._texts


class Conditions(NamedTuple):
    """Conditions of a rule that read elements, or those that do not."""

    when: Sequence[Condition]
    skip: Sequence[Condition]

    def hold(self, scope: Scope) -> bool:
        """Return whether all of `when` hold and none of `skip`. Raises ValueError."""
        if self.when and not all(condition.holds(scope) for condition in self.when):
            return False
        return not self.skip or not any(condition.holds(scope) for condition in self.skip)


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
        when = self._conditions(form.when, "when", faults)
        skip = self._conditions(form.skip, "skip", faults)
        self._of_record, self._of_element = (
            Conditions(*([c for c in part if c.reads_element == of_element] for part in (when, skip)))
            for of_element in (False, True)
        )
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
            faults.append(f"{self.label}: type: got {abbreviated(form.type)}{suggestion(form.type, _TYPES)}")
        elif _KINDS[form.type] in DERIVED:
            faults.append(f"{self.label}: type: got {form.type!r}, which workers write, and nobody else")
        else:
            self._compile_data(form.data, _KINDS[form.type], faults)
            self._decode = msgspec.json.Decoder(EVENTS[_KINDS[form.type]]).decode
        self._has_times = not self._data.keys().isdisjoint(TIMES)
        names = self._all_names()
        if ELEMENT in names and form.each is None:
            faults.append(f"{self.label}: {ELEMENT}: allowed in rules with each only")
        self.names = names - {ELEMENT, INDEX}

    def results(self, record: Scope, order: FileOrder) -> Sequence[Event | RuleError]:
        """Return the events of a record, or their errors. None if the rule does not take the record."""
        try:
            if not self._of_record.hold(record):
                return ()
            if self._each is None:
                return (self._event(record, order, ""),)
            elements = self._elements(record, self._each)
        except ValueError as error:
            return (RuleError("when, skip or each", str(error), ""),)
        results: list[Event | RuleError] = []
        for index, scope in enumerate(elements):
            element = f"each[{index}]"
            try:
                if self._of_element.hold(scope):
                    results.append(self._event(scope, order, element))
            except ValueError as error:
                results.append(RuleError("when or skip", str(error), element))
        return results

    def _elements(self, record: Scope, each: PathExpression) -> list[Scope]:
        elements = each(record)
        if elements is None:
            return []
        if not isinstance(elements, list):
            raise ValueError(f"{each.label}: got {abbreviated(elements)}, allowed is an array")  # noqa: TRY004
        return [{**record, ELEMENT: element, INDEX: index} for index, element in enumerate(elements)]

    def _event(self, scope: Scope, order: FileOrder, element: str) -> Event | RuleError:
        event: dict[str, Any] = self._constant.copy()
        data: dict[str, Any] = {}
        prefix, field = "", "source"
        try:
            event["source"] = self._source(scope)
            for name, value in self._fields.items():
                field = name
                event[name] = built = value.build(scope, order)
                if built is MISSING or built is None:
                    return RuleError(field, "got nothing, allowed is a value", element)
            prefix = "data."
            for name, value in self._data.items():
                # a text as `value.build` returns it, which is slower
                if value.field is not None and type(built := scope.get(value.field)) is str:
                    if built:
                        data[name] = built
                    continue
                field = name
                built = value.build(scope, order)
                if built is not MISSING:
                    data[name] = built
            prefix, field, event["data"] = "", "data", data
            return self._decoded(_encode(event))
        except Undecodable as error:
            path, _, detail = error.detail.partition(": ")
            return RuleError(path, detail, element)
        except (ValueError, ArithmeticError, TypeError, RecursionError) as error:
            return RuleError(prefix + field, str(error), element)

    def _decoded(self, raw: bytes) -> Event:
        """Return the event in JSON. Raises Undecodable, as `DECODER` does, which is slower."""
        if len(raw) <= ALWAYS_SHALLOW and not self._has_times:
            try:
                event: Event = self._decode(raw)
            except DECODE_ERRORS:
                pass
            else:
                if event.source:
                    return event
        return DECODER.decode(raw, ())

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
        conditions = [condition.names for part in (*self._of_record, *self._of_element) for condition in part]
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
