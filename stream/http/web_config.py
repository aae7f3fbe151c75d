"""The supported part of the exporter-toolkit's web configuration file: TLS, and users with passwords."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from schemas.fields import abbreviated
from stream.config.setting_types import ALLOWED_HASH, BCRYPT_HASH, is_file
from stream.errors import ConfigError
from stream.resources.certificates import CertificateFile

log = logging.getLogger(__name__)

SECTIONS = ("tls_server_config", "basic_auth_users")
TLS = ("cert_file", "key_file", "client_auth_type", "client_ca_file", "min_version")
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
RENEW_INTERVAL = 10.0
"""Seconds between two looks at the files of a certificate."""
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class ServedCertificate:
    """The certificate and key of a TLS context, which are loaded again when their files change."""

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self.context, self.certificate, self.key = context, certificate, key
        self._loaded = self._version()

    def renew(self) -> None:
        """Load changed files, for the next connections. If that fails, the certificate of before is served, and the log says so."""
        version = self._version()
        if version == self._loaded:
            return
        self._loaded = version
        try:
            # tried first, because a failure leaves a context with the new certificate and without a key
            load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.certificate, self.key)
            load(self.context, self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            log.warning(
                "The new certificate %s cannot be used, the old one stays: %s", self.certificate, error
            )
        else:
            log.info("Loaded the new certificate %s", self.certificate)

    def _version(self) -> list[tuple[int, ...]]:
        version: list[tuple[int, ...]] = []
        for path in (self.certificate, self.key):
            with suppress(OSError):
                stat = path.stat()
                version.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return version


class WebConfig(NamedTuple):
    """The TLS context, None for plain HTTP, and the bcrypt hashes by user. Without users, no password is asked for.

    `certificates` are the files of the context, `served` those of its own certificate.
    """

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = {}
    certificates: tuple[CertificateFile, ...] = ()
    served: ServedCertificate | None = None

    @property
    def authenticates(self) -> bool:
        """Return whether every client needs a password or a certificate."""
        return bool(self.users) or (self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED)


async def keep_renewed(config: WebConfig) -> None:
    """Load the certificate again whenever its files change. It does not return."""
    while True:
        await asyncio.sleep(RENEW_INTERVAL)
        if config.served is not None:
            config.served.renew()


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Load a certificate and its key into a context. Raises OSError and ssl.SSLError."""
    # With an empty password an encrypted key raises. Without one, OpenSSL would ask on the terminal.
    context.load_cert_chain(certificate, key, password="")


def read(path: Path, section: str = "exporter") -> WebConfig:
    """Read the file of a section's `web_config`. Raises ConfigError that names file and key."""
    return _WebConfigFile(path, section).read()


class _WebConfigFile:
    """A web configuration file. The texts of errors begin with `where`."""

    def __init__(self, path: Path, section: str) -> None:
        self.path = path
        self.where = f"{section}.web_config: {path}"

    def read(self) -> WebConfig:
        try:
            document = yaml.safe_load(self.path.read_bytes())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"{self.where}: {' '.join(str(error).split())}") from error
        except RecursionError as error:
            raise ConfigError(f"{self.where}: values are nested too deeply") from error
        sections = self._mapping("", {} if document is None else document, SECTIONS)
        tls = sections.get("tls_server_config")
        users = sections.get("basic_auth_users")
        hashes = {} if users is None else self._users(users)
        return WebConfig(users=hashes) if tls is None else self._tls(tls)._replace(users=hashes)

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
            raise self._error(
                "basic_auth_users",
                f"got {type(value).__name__}, allowed is a mapping of users to bcrypt hashes",
            )
        for user, hashed in value.items():
            if not isinstance(user, str) or not user or ":" in user:
                raise self._error("basic_auth_users", f"got {user!r}, allowed is a name without a colon")
            if not isinstance(hashed, str) or not BCRYPT_HASH.fullmatch(hashed):
                raise self._error(
                    f"basic_auth_users.{user}",
                    f"allowed is {ALLOWED_HASH}",
                )
        return {user: hashed.encode() for user, hashed in value.items()}

    def _tls(self, value: object) -> WebConfig:
        given = self._mapping("tls_server_config", value, TLS)
        for name, text in given.items():
            if not isinstance(text, str):
                raise self._error(f"tls_server_config.{name}", f"got {text!r}, allowed is a string")
        for name in ("cert_file", "key_file"):
            if not given.get(name):
                raise self._error(f"tls_server_config.{name}", "is missing")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self._choice(given, "min_version", VERSIONS, "TLS12")
        served = self._load(context, given)
        files = [CertificateFile("web_server", served.certificate)]
        clients = self._choice(given, "client_auth_type", CLIENTS, "NoClientCert")
        authority = given.get("client_ca_file")
        if authority and clients is ssl.CERT_NONE:
            kinds = " or ".join(name for name in CLIENTS if name != "NoClientCert")
            raise self._error("tls_server_config.client_ca_file", f"needs a client_auth_type of {kinds}")
        if not authority and clients is not ssl.CERT_NONE:
            raise self._error(
                "tls_server_config.client_ca_file",
                f"is missing, client_auth_type {given['client_auth_type']} needs it",
            )
        if authority:
            files.append(CertificateFile("web_client_ca", self.path.parent / authority))
            try:
                context.load_verify_locations(self.path.parent / authority)
            except (OSError, ssl.SSLError) as error:
                raise self._error("tls_server_config.client_ca_file", f"{authority}: {error}") from error
        context.verify_mode = clients
        return WebConfig(tls=context, certificates=tuple(files), served=served)

    def _load(self, context: ssl.SSLContext, given: Mapping[str, str]) -> ServedCertificate:
        certificate, key = (self.path.parent / given[name] for name in ("cert_file", "key_file"))
        for name, file in (("cert_file", certificate), ("key_file", key)):
            if not is_file(file):
                raise self._error(
                    f"tls_server_config.{name}",
                    f"{abbreviated(given[name])} is not a file in {self.path.parent}",
                )
        try:
            load(context, certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise self._error(
                "tls_server_config", f"cert_file and key_file cannot be used: {error}"
            ) from error
        return ServedCertificate(context, certificate, key)

    def _choice(self, given: Mapping[str, str], name: str, allowed: Mapping[str, Any], default: str) -> Any:
        value = given.get(name) or default
        if value not in allowed:
            raise self._error(
                f"tls_server_config.{name}", f"got {value!r}, supported are {', '.join(allowed)}"
            )
        return allowed[value]
