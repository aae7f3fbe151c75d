"""The reference page of the event types, written from the structs that decode them."""

from collections.abc import Callable, Iterable, Iterator
from inspect import getdoc
from typing import Any

from msgspec import NODEFAULT, inspect

from schemas.dimensions import Dimensions
from schemas.fields import MAX_SAFE_INTEGER, Data
from schemas.topics import TOPICS, topics_of

MAX_ID_LENGTH = 256
INTRODUCTION = """\
The `data` of every event type. The envelope, keys and rules that compare fields are in
[schemas/README.md](../../schemas/README.md). JSON Schemas with an example of each type are in
[schemas/generated/](../../schemas/generated/).

| type of a field | JSON value |
|---|---|
| ID | string of 1 to 256 characters, kept as it is |
| code | string of 1 to 64 characters after trimming of white space |
| text | string of any length within the limit of the record |
| time | RFC 3339 date-time with an offset |
| integer | from -(2^53 - 1) to 2^53 - 1, without a fraction: `9.0` is none |
| number | finite number, with or without a fraction |

`null` in a field that is not required is the same as absent. Fields that are not listed are ignored.
"""


def page() -> Iterator[str]:
    """Yield the parts of the page below its heading."""
    yield f"{INTRODUCTION}\n| event type | topic | required | optional |\n|---|---|---|---|\n"
    kinds = list(dict.fromkeys(kind for topic in TOPICS.values() for kind in topic.types))
    for kind in kinds:
        names = {needed: _names(kind, required=needed) for needed in (True, False)}
        topics = ", ".join(f"`{topic.name}`" for topic in topics_of(kind))
        yield f"| [`{kind.TYPE}`](#{_anchor(kind)}) | {topics} | {names[True]} | {names[False]} |\n"
    yield "\n## Dimensions\n\nOptional fields of every event type that lists dimensions.\n\n"
    yield from _table(_fields(Dimensions))
    for kind in kinds:
        yield f"\n## {kind.TYPE}\n\n{getdoc(kind)}\n\n"
        yield from _table(_own_fields(kind))
        if issubclass(kind, Dimensions):
            yield "| [dimensions](#dimensions) |  |  |  |  |\n"


def _anchor(kind: type[Data]) -> str:
    return kind.TYPE.replace(".", "")


def _fields(kind: type[Data]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    return info.fields


def _own_fields(kind: type[Data]) -> list[inspect.Field]:
    """Return the fields of a type, without dimensions, those that are required first."""
    common = Dimensions.__struct_fields__ if issubclass(kind, Dimensions) else ()
    fields = [field for field in _fields(kind) if field.name not in common]
    return sorted(fields, key=lambda field: not field.required)


def _names(kind: type[Data], *, required: bool) -> str:
    names = [f"`{field.encode_name}`" for field in _own_fields(kind) if field.required is required]
    if not required and issubclass(kind, Dimensions):
        names.append("[dimensions](#dimensions)")
    return ", ".join(names)


def _table(fields: Iterable[inspect.Field]) -> Iterator[str]:
    yield "| field | required | type | default | meaning |\n|---|---|---|---|---|\n"
    for field in fields:
        default = "" if field.default in (NODEFAULT, None, ()) else f"`{_json(field.default)}`"
        cells = (
            f"`{field.encode_name}`",
            "yes" if field.required else "",
            type_text(field.type, required=field.required),
            default,
            _description(field.type),
        )
        yield f"| {' | '.join(cells)} |\n"


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _description(kind: inspect.Type) -> str:
    """Return the first description in a type, outside in, or an empty text."""
    if isinstance(kind, inspect.Metadata):
        return (kind.extra_json_schema or {}).get("description") or _description(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next(filter(None, map(_description, kind.types)), "")
    return ""


def type_text(kind: inspect.Type, *, required: bool = True) -> str:
    """Return the text of a field's type. Of a field that is not required `null` is not named.

    Raises:
        TypeError: a field has a type that no event had before
    """
    if isinstance(kind, inspect.Metadata):
        is_code = "pattern" in (kind.extra_json_schema or {})
        return "code" if is_code else type_text(kind.type, required=required)
    if isinstance(kind, inspect.UnionType):
        texts = [type_text(each) for each in kind.types if not isinstance(each, inspect.NoneType)]
        return " or ".join([*texts, "`null`"] if required and len(texts) < len(kind.types) else texts)
    if (text := _TEXTS.get(type(kind))) is None:
        raise TypeError(f"{kind} has no text on the reference page of events: add it to _TEXTS")
    return text(kind)


def _limits(low: float | None, high: float | None) -> str:
    """Return the limits of a number, without those that hold for every integer."""
    lowest = None if low is None or low <= -MAX_SAFE_INTEGER else f"{low:,}"
    highest = None if high is None or high >= MAX_SAFE_INTEGER else f"{high:,}"
    if lowest and highest:
        return f" from {lowest} to {highest}"
    return f" ≥ {lowest}" if lowest else f" ≤ {highest}" if highest else ""


def _string(kind: Any) -> str:
    if kind.max_length == MAX_ID_LENGTH:
        return "ID"
    if kind.max_length is not None:
        return f"text of {kind.min_length} to {kind.max_length} characters, one of them no white space"
    return "text" if kind.pattern is None else f"text `{kind.pattern}`"


_TEXTS: dict[type[inspect.Type], Callable[[Any], str]] = {
    inspect.StrType: _string,
    inspect.IntType: lambda kind: f"integer{_limits(kind.ge, kind.le)}",
    inspect.FloatType: lambda kind: f"number{_limits(kind.ge, kind.le)}",
    inspect.BoolType: lambda _: "`true`, `false`",
    inspect.LiteralType: lambda kind: ", ".join(f"`{value}`" for value in kind.values),
    inspect.DateTimeType: lambda _: "time",
    inspect.DictType: lambda _: "object",
    inspect.TupleType: lambda kind: f"list of {len(kind.item_types)} integers",
    inspect.VarTupleType: lambda kind: f"list of up to {kind.max_length} {type_text(kind.item_type)}s",
}
"""The text of each type of a field but unions and those with constraints of their own."""
