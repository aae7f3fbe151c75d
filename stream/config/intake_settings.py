"""Settings of the intake's sources: bearer tokens, and the webhooks with their signatures."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from schemas.envelope import EVENTS
from schemas.topics import DERIVED, DOMAINS, DomainName
from stream.config.setting_types import (
    ALLOWED_HASH,
    BCRYPT_HASH,
    SettingSource,
    SettingType,
    as_duration,
    is_file,
    read_duration,
)

SourceT = TypeVar("SourceT")
Verification = Literal["standard", "stripe", "hmac", "basic", "token"]

_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_TYPES = sorted(kind.TYPE for kind in EVENTS if kind not in DERIVED)
MAX_SECRET_BYTES = 4_096


class SourceToken(msgspec.Struct, frozen=True, kw_only=True):
    """The bearer token of a source, by its SHA-256 in hexadecimal, and the topics and types that it may send.

    Without `types` all types of the topics are allowed.
    """

    sha256: str
    topics: tuple[DomainName, ...] = DOMAINS
    types: tuple[str, ...] = ()


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook: its mapping, and how a request is verified.

    Attributes:
        mapping: a path, or the name of a mapping that ships
        verify: the scheme
        secrets: secrets of signatures, several while one replaces another
        users: bcrypt hashes by user name (`basic`)
        sha256: hashes of tokens (`token`)
        header: the header of the signature or token
        query: the parameter of the query with the token, instead of a header (`token`)
        timestamp_header: the header with the time of the request, empty if the signature does not cover one (`hmac`)
        signed: the signed text, with `{timestamp}` and `{body}` (`hmac`)
        prefix: text before the signature in its header (`hmac`), or before the token (`token`)
        encoding: of the signature (`hmac`)
        algorithm: of the signature (`hmac`)
        tolerance: accepted difference in ms between the time of a request and the clock
        challenge_token: the token with which a GET request with `hub.challenge` is answered
    """

    mapping: str
    verify: Verification
    secrets: tuple[str, ...] = ()
    users: dict[str, str] = {}
    sha256: tuple[str, ...] = ()
    header: str = ""
    query: str = ""
    timestamp_header: str = ""
    signed: str = "{body}"
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    algorithm: Literal["sha256", "sha1"] = "sha256"
    tolerance: int = 300_000
    challenge_token: str = ""


_OF_SCHEME: dict[str, tuple[str, ...]] = {
    "standard": ("secrets",),
    "stripe": ("secrets",),
    "hmac": ("secrets", "header"),
    "basic": ("users",),
    "token": ("sha256",),
}
"""The schemes, and the keys that each requires."""


def _sources(
    read: Callable[[dict[str, Any], SettingSource], SourceT | None], example: str
) -> Callable[[object, SettingSource], dict[str, SourceT]]:
    def read_all(value: object, at: SettingSource) -> dict[str, SourceT]:
        if not isinstance(value, dict):
            at.errors.append(f"{at.key}: got {type(value).__name__}, allowed is {example} ({at.source})")
            return {}
        sources = {}
        for name, table in value.items():
            here = at.under(name)
            if not _SOURCE_NAME.fullmatch(name):
                here.error(name, "a name of 1 to 64 of the characters a-z 0-9 _ -")
            elif not isinstance(table, dict):
                here.errors.append(
                    f"{here.key}: got {type(table).__name__}, allowed is a table ({here.source})"
                )
            elif (source := read(table, here)) is not None:
                sources[name] = source
        return sources

    return read_all


def _read_token(table: dict[str, Any], at: SettingSource) -> SourceToken | None:
    return _struct(
        SourceToken,
        table,
        at,
        {
            "sha256": _matching(_SHA256, "the SHA-256 of the token, 64 hexadecimal digits"),
            "topics": _list_of(DOMAINS),
            "types": _list_of(_TYPES),
        },
        required=("sha256",),
    )


def _read_hook(table: dict[str, Any], at: SettingSource) -> Hook | None:
    table = dict(table)
    if (files := table.pop("secret_files", None)) is not None:
        from_files = _secrets_of(files, at.under("secret_files"))
        if isinstance(given := table.get("secrets", []), list):  # else its reader reports it
            table["secrets"] = [*given, *from_files]
    hook = _struct(Hook, table, at, _HOOK_READERS, required=("mapping", "verify"))
    if hook is None:
        return None
    for name in _OF_SCHEME[hook.verify]:
        if not getattr(hook, name):
            at.errors.append(
                f"{at.under(name).key}: missing, required by verify = {hook.verify!r} ({at.source})"
            )
            return None
    if hook.verify == "token" and bool(hook.header) == bool(hook.query):
        at.errors.append(f"{at.key}: verify = 'token' needs either header or query ({at.source})")
    if ("{timestamp}" in hook.signed) != bool(hook.timestamp_header):
        at.under("signed").error(hook.signed, "a text with {timestamp} exactly if timestamp_header is set")
    return hook


def _struct(
    kind: type[SourceT],
    table: Mapping[str, Any],
    at: SettingSource,
    readers: Mapping[str, Callable[[Any, SettingSource], Any]],
    required: tuple[str, ...],
) -> SourceT | None:
    """Return a struct from the keys of a table, None after recording the errors."""
    before = len(at.errors)
    for name in required:
        if name not in table:
            at.errors.append(f"{at.under(name).key}: missing ({at.source})")
    at.refuse_unknown_keys(table, tuple(readers))
    values = {name: readers[name](value, at.under(name)) for name, value in table.items() if name in readers}
    return kind(**values) if len(at.errors) == before else None


def _matching(pattern: re.Pattern[str], allowed: str) -> Callable[[Any, SettingSource], str]:
    """Return a reader of a text. Errors do not show the value, which may be a secret in the wrong place."""

    def read(value: Any, at: SettingSource) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            at.error("***", allowed)
            return ""
        return value

    return read


def _several(
    read: Callable[[Any, SettingSource], str], allowed: str
) -> Callable[[Any, SettingSource], tuple[str, ...]]:
    def read_all(value: Any, at: SettingSource) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            at.error("***", allowed)
            return ()
        return tuple(read(item, at.under(str(position))) for position, item in enumerate(value))

    return read_all


def _list_of(allowed: Any) -> Callable[[Any, SettingSource], tuple[str, ...]]:
    def read(value: Any, at: SettingSource) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(item in allowed for item in value):
            at.error(value, f"a list of one or more of {', '.join(allowed)}")
            return ()
        return tuple(dict.fromkeys(value))

    return read


def _one_of(*allowed: str) -> Callable[[Any, SettingSource], Any]:
    def read(value: Any, at: SettingSource) -> Any:
        if value not in allowed:
            at.error(value, f"one of {', '.join(allowed)}")
        return value

    return read


def _read_mapping(value: Any, at: SettingSource) -> str:
    """Return the path of a mapping if it has a suffix or a folder, else the name of one that ships."""
    if isinstance(value, str) and _SOURCE_NAME.fullmatch(value):
        return value
    path = at.folder / value if isinstance(value, str) else at.folder
    if not is_file(path):
        at.error(value, f"the name of a mapping, or the path of a file relative to {at.folder}")
    return str(path)


def _read_signed(value: Any, at: SettingSource) -> str:
    names = _PLACEHOLDER.findall(value) if isinstance(value, str) else []
    if names.count("body") != 1 or not set(names) <= {"timestamp", "body"}:
        at.error(value, 'a text with {body} once, and possibly {timestamp}, such as "{timestamp}.{body}"')
        return "{body}"
    return str(value)


def _read_users(value: Any, at: SettingSource) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        at.error("***", "a table of user names and bcrypt hashes")
        return {}
    return {
        user: _matching(BCRYPT_HASH, ALLOWED_HASH)(hashed, at.under(user)) for user, hashed in value.items()
    }


_UNREADABLE = "***"
"""In place of a secret that cannot be read, so that secrets are not reported as missing, too."""


def _secrets_of(value: Any, at: SettingSource) -> list[str]:
    """Return the content of files with a secret each, without white space at the ends."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        at.error("***", "a list of paths of files")
        return [_UNREADABLE]
    secrets = []
    for name in value:
        path: Path = at.folder / name
        try:
            secrets.append(path.read_text(encoding="utf-8").strip()[:MAX_SECRET_BYTES])
        except (OSError, ValueError):
            # not the name, which is the secret itself if it was written in place of a path
            at.error("***", f"the path of a text file, relative to {at.folder}")
            secrets.append(_UNREADABLE)
    return secrets


_SECRET = re.compile(rf"\S.{{0,{MAX_SECRET_BYTES}}}", re.DOTALL)
_HOOK_READERS: dict[str, Callable[[Any, SettingSource], Any]] = {
    "mapping": _read_mapping,
    "verify": _one_of(*_OF_SCHEME),
    "secrets": _several(_matching(_SECRET, "a secret that is not empty"), "a list of one or more secrets"),
    "users": _read_users,
    "sha256": _several(_matching(_SHA256, "64 hexadecimal digits"), "a list of one or more SHA-256 hashes"),
    "header": _matching(_HEADER, "the name of an HTTP header"),
    "query": _matching(_HEADER, "the name of a parameter"),
    "timestamp_header": _matching(_HEADER, "the name of an HTTP header"),
    "signed": _read_signed,
    "prefix": _matching(re.compile(r"[ -~]{0,50}"), "at most 50 printable ASCII characters"),
    "encoding": _one_of("hex", "base64"),
    "algorithm": _one_of("sha256", "sha1"),
    "tolerance": lambda value, at: read_duration(value, at, "1s", "1d"),
    "challenge_token": _matching(_SECRET, "a token that is not empty"),
}


def _show_token(token: SourceToken) -> dict[str, Any]:
    shown: dict[str, Any] = {"sha256": token.sha256, "topics": list(token.topics)}
    return shown | ({"types": list(token.types)} if token.types else {})


def _show_hook(hook: Hook) -> dict[str, Any]:
    shown = {name: value for name, value in msgspec.structs.asdict(hook).items() if value}
    for name in ("secrets", "sha256"):
        if name in shown:
            shown[name] = ["***"] * len(shown[name])
    if "users" in shown:
        shown["users"] = dict.fromkeys(shown["users"], "***")
    if "challenge_token" in shown:
        shown["challenge_token"] = "***"  # noqa: S105 - it hides one
    return shown | {"tolerance": as_duration(hook.tolerance)}


tokens = SettingType(
    _sources(_read_token, 'a table of tables such as {shop = {sha256 = "..."}}'),
    lambda value: {name: _show_token(token) for name, token in value.items()},
    json=True,
)
hooks = SettingType(
    _sources(_read_hook, "a table of tables, one for each webhook"),
    lambda value: {name: _show_hook(hook) for name, hook in value.items()},
    json=True,
)
