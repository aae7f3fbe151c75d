"""Settings in the form of a configuration file."""

import json
import re
from collections.abc import Sequence
from typing import Any

from stream.config.settings import Settings, keys

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def plain_document(settings: Settings) -> dict[str, Any]:
    """Return settings as nested tables, as a file may hold them.

    Durations are text, settings without a value are left out, and secrets are replaced by `***`.
    """
    document: dict[str, Any] = {}
    for key, kind in keys().items():
        section, _, name = key.partition(".")
        part = getattr(settings, section)
        value = getattr(part, name) if name else part
        if value is None:
            continue
        if name:
            document.setdefault(section, {})[name] = kind.show(value)
        else:
            document[section] = kind.show(value)
    return document


def unset_keys(settings: Settings) -> list[str]:
    """Return the keys, as `section.name`, of the optional settings that have no value."""
    pairs = [(key, key.partition(".")[::2]) for key in keys()]
    return [
        key for key, (section, name) in pairs if name and getattr(getattr(settings, section), name) is None
    ]


def as_toml(document: dict[str, Any], unset: Sequence[str] = ()) -> str:
    """Return tables of plain values as TOML, with the keys in `unset` as comments in their tables."""
    plain = [f"{key} = {_value(value)}\n" for key, value in document.items() if not isinstance(value, dict)]
    tables = [
        f"\n[{name}]\n"
        + "".join(f"{_key(key)} = {_value(value)}\n" for key, value in table.items())
        + "".join(f"# {key.removeprefix(f'{name}.')} =\n" for key in unset if key.startswith(f"{name}."))
        for name, table in document.items()
        if isinstance(table, dict)
    ]
    return "".join(plain + tables)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)
