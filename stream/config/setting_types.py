"""Types of settings: how a value is read from a file or variable, and how it is shown."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from schemas.fields import abbreviated
from stream.suggestions import did_you_mean

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
FOREVER = -1
"""A retention without end."""

BCRYPT_HASH = re.compile(r"\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")
"""A bcrypt hash of a cost up to 16, which takes some five seconds to verify. One of cost 31 would take days."""
ALLOWED_HASH = "a bcrypt hash of cost 4 to 16, as `htpasswd -nBC 10 ''` prints it"

_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}")
_URL = re.compile(r"https?://([^/?#\s]+)(?:/[^?#\s]*)?")
_LINK = re.compile(r"https?://[^/?#\s{}@\\]+/[^\s{}]*\{id\}[^\s{}]*")
_SECRET_PARTS = frozenset("@?#")
"""A URL with one of these may hold a password or a token."""
_SERVERS = re.compile(r"\s*[^\s,@/]+:[0-9]{1,5}\s*(,\s*[^\s,@/]+:[0-9]{1,5}\s*)*")
_HOST = re.compile(r"[a-zA-Z0-9._-]{1,253}|[0-9a-fA-F:.]{2,45}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*):([0-9]{1,5})")


class SettingSource(NamedTuple):
    """The source of a value: its key, the file or variable, the folder that relative paths begin at.

    `errors` collects the errors of all values.
    """

    key: str
    source: str
    folder: Path
    errors: list[str]

    def under(self, name: str) -> "SettingSource":
        """Return the source of a part of this value."""
        return self._replace(key=f"{self.key}.{name}")

    def error(self, value: object, allowed: str) -> None:
        """Record that a value cannot be used, or that it is missing (None).

        Reading continues, so that all errors are reported at once.
        """
        got = "missing" if value is None else f"got {abbreviated(value)}"
        self.errors.append(f"{self.key}: {got}, allowed is {allowed} ({self.source})")

    def refuse_unknown_keys(self, table: Mapping[str, object], known: Sequence[str]) -> None:
        """Record an error for each key of a table that is not known."""
        for key in sorted(set(table) - set(known)):
            text = f"unknown key{did_you_mean(key, known)}; allowed are {', '.join(known)}"
            self.errors.append(f"{self.under(key).key}: {text} ({self.source})")


class SettingType(NamedTuple):
    """The type of a setting.

    Attributes:
        read: returns the value, or records an error and returns a placeholder
        show: returns the value as a file may hold it
        json: True if environment variables hold the value as JSON, False if as plain text
    """

    read: Callable[[Any, SettingSource], Any]
    show: Callable[[Any], Any] = lambda value: value
    json: bool = False


class Address(NamedTuple):
    """An address to listen on. An empty host means all interfaces."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def milliseconds(text: str) -> int:
    """Return a duration such as `"500ms"` or `"7d"` in ms. Raises ValueError for any other text."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is not a duration such as "500ms" or "7d"')
    return int(match[1]) * UNITS[match[2]]


def is_duration(text: str) -> bool:
    """Return whether a text is a duration such as `"500ms"` or `"7d"`."""
    return _DURATION.fullmatch(text) is not None


def as_duration(span: int) -> str:
    """Return a duration in ms as text, in the largest unit that divides it."""
    unit = max((u for u in UNITS if span % UNITS[u] == 0), key=UNITS.__getitem__)
    return f"{span // UNITS[unit]}{unit}"


def read_duration(value: object, at: SettingSource, least: str, most: str) -> int:
    """Return a duration in ms, or record an error if it is not within the bounds."""
    if isinstance(value, str) and _DURATION.fullmatch(value):
        span = milliseconds(value)
        if milliseconds(least) <= span <= milliseconds(most):
            return span
    at.error(value, f'a duration from "{least}" to "{most}" with a unit of ms, s, m, h or d')
    return 0


def duration(least: str, most: str) -> SettingType:
    """Return the type of a duration within bounds, written with a unit and read as ms."""
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
    """Return the type of a whole number within bounds."""

    def read(value: object, at: SettingSource) -> object:
        if type(value) is not int or not least <= value <= most:
            at.error(value, f"a whole number from {least} to {most}")
        return value

    return SettingType(read, json=True)


def _switch(value: object, at: SettingSource) -> bool:
    if not isinstance(value, bool):
        at.error(value, "true or false")
        return False
    return value


switch = SettingType(_switch, json=True)


def _fraction(value: object, at: SettingSource) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:  # type: ignore[operator]
        at.error(value, "a number from 0 to 1")
        return 0.0
    return float(value)  # type: ignore[arg-type]


fraction = SettingType(_fraction, json=True)


def choice(*allowed: str) -> SettingType:
    """Return the type of a setting that is one of the given words."""

    def read(value: object, at: SettingSource) -> object:
        if value not in allowed:
            at.error(value, "one of " + ", ".join(allowed))
        return value

    return SettingType(read)


def read_text(value: object, at: SettingSource) -> object:
    """Return a text, or record an error if it is empty."""
    if not isinstance(value, str) or not value.strip():
        at.error(value, "a text that is not empty")
    return value


def _secret(value: object, at: SettingSource) -> object:
    if not isinstance(value, str):
        at.error("***", "a text")
    return value


def _secret_table(value: object, at: SettingSource) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(name.isidentifier() for name in value):
        at.error("***", 'a table whose keys are names, such as {path = "..."}')
        return {}
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
        may_hold_secret = isinstance(value, str) and not _SECRET_PARTS.isdisjoint(value)
        at.error(
            "***" if may_hold_secret else value, 'the address of a server, such as "http://127.0.0.1:9093"'
        )
    elif "@" in match[1]:
        at.error("***", "an address without user name and password")
    return value


def _link(value: object, at: SettingSource) -> object:
    if not isinstance(value, str) or not value.isprintable() or not _LINK.fullmatch(value):
        at.error(
            "***" if isinstance(value, str) and "@" in value else value,
            'an address with "{id}" once after the host, such as "https://desk.example.org/tickets/{id}"',
        )
    return value


def _servers(value: object, at: SettingSource) -> object:
    if not isinstance(value, str) or not _SERVERS.fullmatch(value):
        shown = "***" if isinstance(value, str) and "@" in value else value
        at.error(shown, '"host:port", several with commas, without user name and password')
    return value


def read_file_path(value: object, at: SettingSource) -> Path:
    """Return the path of an existing file, or record an error. Relative paths begin at the file's folder."""
    path = at.folder / value if isinstance(value, str) else at.folder
    if not is_file(path):
        at.error(value, f"the path of an existing file, relative to {at.folder}")
    return path


def read_folder_path(value: object, at: SettingSource) -> Path:
    """Return the path of a folder, which need not exist, or record an error. Relative paths begin at the file's folder."""
    if not isinstance(value, str) or not value or "\0" in value:
        at.error(value, f"the path of a folder, relative to {at.folder}")
        return at.folder
    return at.folder / value


def _hosts(value: object, at: SettingSource) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(
        isinstance(name, str) and _HOST.fullmatch(name) for name in value
    ):
        at.error(value, 'a list of host names without ports, such as ["cx.example.org"]')
        return ()
    return tuple(value)


def _folders(value: object, at: SettingSource) -> tuple[Path, ...]:
    paths = (
        tuple(at.folder / part for part in value if isinstance(part, str)) if isinstance(value, list) else ()
    )
    if not isinstance(value, list) or len(paths) < len(value) or not all(map(is_folder, paths)):
        at.error(
            value, f'a list of paths of existing folders, relative to {at.folder}, such as ["/var/lib/kafka"]'
        )
        return ()
    return paths


def is_folder(path: Path) -> bool:
    """Return whether a path is that of a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Return whether a path is that of a file. One that is too long, or is none at all, is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


text = SettingType(read_text)
servers = SettingType(_servers)
hosts = SettingType(_hosts, list, json=True)
secret = SettingType(_secret, lambda value: value and "***")
secret_table = SettingType(_secret_table, lambda table: dict.fromkeys(table, "***"), json=True)
name = SettingType(_name)
address = SettingType(_address, str)
url = SettingType(_url)
link = SettingType(_link)
"""A template of links to pages of single tickets. The ID takes the place of `{id}`."""
folder = SettingType(read_folder_path, lambda path: path and str(path))
file = SettingType(read_file_path, lambda path: path and str(path))
folders = SettingType(_folders, lambda paths: [str(path) for path in paths], json=True)
