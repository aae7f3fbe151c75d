"""The layout of stored types as lines of text: position or name on the wire, type, default."""

from collections.abc import Iterator
from typing import Any

from msgspec import NODEFAULT, inspect, to_builtins

_SIZED = (inspect.ListType, inspect.VarTupleType)
_FIXED = (inspect.TupleType, inspect.NamedTupleType)


def layout(path: str, stored: Any) -> Iterator[str]:
    """Return the lines of a type, one for each part, beginning with the path of the part."""
    return _part(path, inspect.type_info(stored), "")


def structs(stored: Any) -> set[type]:
    """Return the structs that a type consists of."""
    return {info.cls for info in _all(inspect.type_info(stored)) if isinstance(info, inspect.StructType)}


def _all(info: Any) -> Iterator[Any]:
    if isinstance(info, (inspect.Type, inspect.Field)):
        yield info
        info = [getattr(info, name) for name in info.__struct_fields__]
    if isinstance(info, (list, tuple)):
        for item in info:
            yield from _all(item)


def _part(path: str, info: inspect.Type, default: str) -> Iterator[str]:
    members = info.types if isinstance(info, inspect.UnionType) else (info,)
    yield f"{path}  {' | '.join(map(_head, members))}{default}"
    for member in members:
        yield from _inside(path, member)


def _head(info: inspect.Type) -> str:
    name = type(info).__name__.removesuffix("Type").lower()
    if isinstance(info, inspect.StructType):
        config = info.cls.__struct_config__
        name = "array struct" if info.array_like else "map struct"
        name += f" #{info.tag!r}" if info.tag is not None else ""
        name += " omits defaults" if config.omit_defaults else ""
        return name + (" forbids unknown fields" if info.forbid_unknown_fields else "")
    if isinstance(info, _SIZED):
        return "list"
    if isinstance(info, (*_FIXED, inspect.DictType)):
        return name.removeprefix("named")
    limits = {n: v for n in info.__struct_fields__ if (v := getattr(info, n)) is not None}
    return " ".join([name, *(f"{n}={v!r}" for n, v in limits.items())])


def _inside(path: str, info: inspect.Type) -> Iterator[str]:
    if isinstance(info, inspect.StructType):
        path += f"#{info.tag}" if info.tag is not None else ""
        for position, field in enumerate(info.fields):
            step = f"[{position}]" if info.array_like else f".{field.encode_name}"
            yield from _part(path + step, field.type, _default(field))
    elif isinstance(info, inspect.NamedTupleType):
        for position, field in enumerate(info.fields):
            yield from _part(f"{path}[{position}]", field.type, _default(field))
    elif isinstance(info, inspect.TupleType):
        for position, item in enumerate(info.item_types):
            yield from _part(f"{path}[{position}]", item, "")
    elif isinstance(info, _SIZED):
        yield from _part(f"{path}[]", info.item_type, "")
    elif isinstance(info, inspect.DictType):
        yield from _part(f"{path}{{key}}", info.key_type, "")
        yield from _part(f"{path}{{value}}", info.value_type, "")


def _default(field: inspect.Field) -> str:
    if field.required:
        return ""
    factory = field.default_factory
    default = field.default if factory is NODEFAULT else factory()
    return f" = {to_builtins(default, builtin_types=(bytes,))!r}"
