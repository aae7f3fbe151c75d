"""Settings from a file and from environment variables. All errors are collected before they are reported."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stream.config import checks
from stream.config.setting_types import SettingSource
from stream.config.settings import Settings, keys
from stream.errors import ConfigError
from stream.suggestions import did_you_mean, suggestion

DEFAULT_FILE = Path("cxgauge.toml")
PREFIX = "CXGAUGE_"
KEYS = keys()
VARIABLES = {PREFIX + key.replace(".", "_").upper(): key for key in KEYS}
SECTIONS = {key.partition(".")[0] for key in KEYS}

OF_TESTS = ("CX_TEST_DATA", "CX_TEST_REQUIRE_TOOLS")
"""Variables that the test suite reads. They are not settings."""
# Kubernetes sets such variables for a service whose name begins with "cxgauge". They are not settings.
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_[A-Z]+(_[A-Z]+)?)?)")


class RawValue(NamedTuple):
    """A value as written, the file or variable that it comes from, and the folder that relative paths begin at."""

    value: Any
    source: str
    folder: Path


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a file, overridden by environment variables.

    `path` None stands for `cxgauge.toml` in the working directory, if it exists. Raises ConfigError with one line for
    each error.
    """
    errors: list[str] = []
    raw = dict(_from_file(path, errors))
    raw.update(_from_environment(environ, errors))
    values: dict[str, Any] = {}
    invalid: set[str] = set()
    for key, (value, source, folder) in raw.items():
        before = len(errors)
        values[key] = KEYS[key].read(value, SettingSource(key, source, folder, errors))
        if len(errors) > before:
            invalid.add(key)
            del values[key]
    settings = _build(values)
    for required, check in checks.CHECKS:
        if not invalid.intersection(required):
            errors += check(settings)
    if errors:
        raise ConfigError("\n".join(errors))
    return settings


def _build(values: Mapping[str, Any]) -> Settings:
    sections: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        if name:
            sections.setdefault(section, {})[name] = value
        else:
            sections[section] = value
    constructors: dict[str, Callable[..., Any]] = {
        name: type(section)
        for name in SECTIONS
        if isinstance(section := getattr(_DEFAULTS, name), msgspec.Struct)
    }
    return Settings(
        **{
            name: constructors[name](**value) if name in constructors else value
            for name, value in sections.items()
        }
    )


_DEFAULTS = Settings()


def _from_file(path: Path | None, errors: list[str]) -> Iterator[tuple[str, RawValue]]:
    where = path or DEFAULT_FILE
    if path is None and not where.exists():
        return
    for section, table in _document(where, errors).items():
        if section in KEYS:
            yield section, RawValue(table, str(where), where.parent)
        elif section not in SECTIONS:
            errors.append(f"{section}: unknown section{suggestion(section, SECTIONS)} ({where})")
        elif not isinstance(table, dict):
            errors.append(f"{section}: got {type(table).__name__}, allowed is a table ({where})")
        else:
            for name, value in table.items():
                if (key := f"{section}.{name}") in KEYS:
                    yield key, RawValue(value, str(where), where.parent)
                else:
                    errors.append(f"{key}: unknown key{_nearest_key(section, name)} ({where})")


def _document(path: Path, errors: list[str]) -> dict[str, Any]:
    """Return the tables of a TOML file, none if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        errors.append(f"{path}: is not in UTF-8")
    except (OSError, ValueError) as error:
        errors.append(f"{path}: {error.strerror if isinstance(error, OSError) else error}")
    except RecursionError:
        errors.append(f"{path}: values are nested too deeply")
    return {}


def _from_environment(environ: Mapping[str, str], errors: list[str]) -> Iterator[tuple[str, RawValue]]:
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or not text or variable in OF_TESTS:
            continue
        key = VARIABLES.get(variable)
        if key is None:
            if not _SERVICE_LINK.fullmatch(variable):
                errors.append(f"{variable}: unknown variable{_nearest_variable(variable)} (environment)")
            continue
        yield key, RawValue(_parsed(text) if KEYS[key].json else text, variable, Path())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # the setting type reports the error, with the allowed values


def _nearest_key(section: str, name: str) -> str:
    if elsewhere := [key for key in KEYS if key.endswith(f".{name}")]:
        return f", did you mean {elsewhere[0]!r}"
    names = [key.partition(".")[2] for key in KEYS if key.startswith(f"{section}.")]
    return suggestion(name, names, f"{section}.")


def _nearest_variable(variable: str) -> str:
    names = [known.removeprefix(PREFIX) for known in VARIABLES]
    return did_you_mean(variable.removeprefix(PREFIX), names, PREFIX)
