"""What a setting may be: how its value is read from a file or variable, and how it is shown again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
FOREVER = -1
"""A retention without end."""

_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}")
_URL = re.compile(r"https?://([^/?#\s]+)(?:/[^?#\s]*)?")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*):([0-9]{1,5})")


class SettingSource(NamedTuple):
    """Where a value stands: its key, the file or variable, the folder that relative paths begin at."""

    key: str
    source: str
    folder: Path
    errors: list[str]

    def under(self, name: str) -> "SettingSource":
        """A place inside this value."""
        return self._replace(key=f"{self.key}.{name}")

    def error(self, value: object, allowed: str) -> None:
        """Note that a value cannot be used, and go on reading."""
        self.errors.append(f"{self.key}: got {value!r}, allowed is {allowed} ({self.source})")


class SettingType(NamedTuple):
    """`read` returns the value or notes a fault; `show` gives back what a file may hold.

    `json`: an environment variable holds it as JSON, otherwise as it is.
    """

    read: Callable[[Any, SettingSource], Any]
    show: Callable[[Any], Any] = lambda value: value
    json: bool = False


class Address(NamedTuple):
    """Where to listen. An empty host is every interface."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def milliseconds(text: str) -> int:
    """A duration such as `"500ms"` or `"7d"` in milliseconds. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration")
    return int(match[1]) * UNITS[match[2]]


def as_duration(span: int) -> str:
    """Milliseconds in the largest unit that leaves no rest."""
    unit = max((u for u in UNITS if span % UNITS[u] == 0), key=UNITS.__getitem__)
    return f"{span // UNITS[unit]}{unit}"


def read_duration(value: object, at: SettingSource, least: str, most: str) -> int:
    """A duration within bounds, in milliseconds."""
    if isinstance(value, str) and _DURATION.fullmatch(value):
        span = milliseconds(value)
        if milliseconds(least) <= span <= milliseconds(most):
            return span
    at.error(value, f'a duration from "{least}" to "{most}" with a unit of ms, s, m, h or d')
    return 0


def duration(least: str, most: str) -> SettingType:
    """Milliseconds, written with a unit."""
    return SettingType(lambda value, at: read_duration(value, at, least, most), as_duration)


def _retention(value: object, at: SettingSource) -> int:
    if value in (FOREVER, str(FOREVER)) and value is not True:
        return FOREVER
    if isinstance(value, str) and _DURATION.fullmatch(value) and milliseconds(value) >= UNITS["h"]:
        return milliseconds(value)
    at.error(value, 'a duration of "1h" or more, or -1 (for ever)')
    return 0


retention = SettingType(_retention, lambda span: span if span == FOREVER else as_duration(span))


def integer(least: int, most: int) -> SettingType:
    """A whole number within bounds."""

    def read(value: object, at: SettingSource) -> object:
        if type(value) is not int or not least <= value <= most:
            at.error(value, f"a whole number from {least} to {most}")
        return value

    return SettingType(read, json=True)


def _fraction(value: object, at: SettingSource) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:  # type: ignore[operator]
        at.error(value, "a number from 0 to 1")
        return 0.0
    return float(value)  # type: ignore[arg-type]


fraction = SettingType(_fraction, json=True)


def choice(*allowed: str) -> SettingType:
    """One of a few words."""

    def read(value: object, at: SettingSource) -> object:
        if value not in allowed:
            at.error(value, "one of " + ", ".join(allowed))
        return value

    return SettingType(read)


def read_text(value: object, at: SettingSource) -> object:
    """Any text but none."""
    if not isinstance(value, str) or not value.strip():
        at.error(value, "a text")
    return value


def _secret(value: object, at: SettingSource) -> object:
    if not isinstance(value, str):
        at.error("***", "a text")
    return value


def _name(value: object, at: SettingSource) -> object:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value in (".", ".."):
        at.error(value, "1 to 200 of the characters a-z A-Z 0-9 . _ -")
    return value


def _address(value: object, at: SettingSource) -> Address:
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 65_535:
        at.error(value, '"host:port", or ":port" for every interface')
        return Address("", 0)
    return Address(match[1].strip("[]"), int(match[2]))


def _url(value: object, at: SettingSource) -> object:
    match = _URL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        at.error(value, 'the address of a server, such as "http://127.0.0.1:9093"')
    elif "@" in match[1]:
        at.error("***", "an address without user and password")
    return value


def read_file_path(value: object, at: SettingSource) -> Path:
    """A file that is there, relative to the folder of the configuration."""
    path = at.folder / value if isinstance(value, str) else at.folder
    if not path.is_file():
        at.error(value, f"the path of a file, relative to {at.folder}")
    return path


text = SettingType(read_text)
secret = SettingType(_secret, lambda value: value and "***")
name = SettingType(_name)
address = SettingType(_address, str)
url = SettingType(_url)
file = SettingType(read_file_path, lambda path: path and str(path))
