"""The exporter-toolkit's web configuration, as far as it is supported: TLS and users with passwords."""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stream.errors import ConfigError

SECTIONS = ("tls_server_config", "basic_auth_users")
TLS = ("cert_file", "key_file", "client_auth_type", "client_ca_file", "min_version")
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

_HASH = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")


class WebConfig(NamedTuple):
    """How to serve: with which certificate, to whom (user to bcrypt hash; nobody is asked when there are none)."""

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = {}


def read(path: Path) -> WebConfig:
    """The configuration of a file. Raises ConfigError that names file and key."""
    return _WebConfigFile(path).read()


class _WebConfigFile:
    """A web configuration; `where` is what faults begin with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = f"exporter.web_config: {path}"

    def read(self) -> WebConfig:
        try:
            document = yaml.safe_load(self.path.read_bytes())
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"{self.where}: {' '.join(str(error).split())}") from error
        sections = self._mapping("", {} if document is None else document, SECTIONS)
        tls = sections.get("tls_server_config")
        users = sections.get("basic_auth_users")
        return WebConfig(None if tls is None else self._tls(tls), {} if users is None else self._users(users))

    def _mapping(self, key: str, value: object, allowed: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._error(key, f"got {type(value).__name__}, allowed is a mapping")
        for name in value:
            if name not in allowed:
                raise self._error(f"{key}.{name}".strip("."), f"is not supported, only {', '.join(allowed)}")
        return value

    def _error(self, key: str, text: str) -> ConfigError:
        return ConfigError(f"{self.where}: {key}: {text}" if key else f"{self.where}: {text}")

    def _users(self, value: object) -> dict[str, bytes]:
        if not isinstance(value, dict):
            raise self._error("basic_auth_users", "allowed is a mapping of users to bcrypt hashes")
        for user, hashed in value.items():
            if not isinstance(user, str) or not user or ":" in user:
                raise self._error("basic_auth_users", f"got {user!r}, allowed is a name without a colon")
            if not isinstance(hashed, str) or not _HASH.fullmatch(hashed):
                raise self._error(
                    f"basic_auth_users.{user}", "allowed is a bcrypt hash (htpasswd -nBC 10 '')"
                )
        return {user: hashed.encode() for user, hashed in value.items()}

    def _tls(self, value: object) -> ssl.SSLContext:
        given = self._mapping("tls_server_config", value, TLS)
        for name, text in given.items():
            if not isinstance(text, str):
                raise self._error(f"tls_server_config.{name}", f"got {text!r}, allowed is a text")
        for name in ("cert_file", "key_file"):
            if not given.get(name):
                raise self._error(f"tls_server_config.{name}", "is missing")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self._choice(given, "min_version", VERSIONS, "TLS12")
        self._load(context, given)
        clients = self._choice(given, "client_auth_type", CLIENTS, "NoClientCert")
        authority = given.get("client_ca_file")
        if (clients is ssl.CERT_NONE) is not (not authority):
            kinds = [name for name in CLIENTS if name != "NoClientCert"]
            raise self._error(
                "tls_server_config.client_ca_file", f"goes with a client_auth_type of {' or '.join(kinds)}"
            )
        if authority:
            try:
                context.load_verify_locations(self.path.parent / authority)
            except (OSError, ssl.SSLError) as error:
                raise self._error("tls_server_config.client_ca_file", f"{authority}: {error}") from error
        context.verify_mode = clients
        return context

    def _load(self, context: ssl.SSLContext, given: Mapping[str, str]) -> None:
        certificate, key = (self.path.parent / given[name] for name in ("cert_file", "key_file"))
        for name, file in (("cert_file", certificate), ("key_file", key)):
            if not file.is_file():
                raise self._error(f"tls_server_config.{name}", f"{file} is no file")
        try:
            context.load_cert_chain(
                certificate, key, password=""
            )  # an encrypted key is refused, not asked about
        except (OSError, ssl.SSLError) as error:
            raise self._error(
                "tls_server_config", f"cert_file and key_file cannot be used: {error}"
            ) from error

    def _choice(self, given: Mapping[str, str], name: str, known: Mapping[str, Any], usual: str) -> Any:
        value = given.get(name) or usual
        if value not in known:
            raise self._error(f"tls_server_config.{name}", f"got {value!r}, supported are {', '.join(known)}")
        return known[value]
