"""Maven Central by jgo (of the extra `broker`), over connections that trust the same certificates as other programs."""

import os
import ssl
from pathlib import Path
from typing import Any

from jgo.maven import MavenContext, PythonResolver
from requests import Session
from requests.adapters import HTTPAdapter
from requests.exceptions import SSLError
from urllib3 import Retry

TIMEOUT = 60  # seconds


class Resolver(PythonResolver):
    """Where jgo gets files from. Its own resolver trusts the package certifi only, unless told by REQUESTS_CA_BUNDLE."""

    def __init__(self) -> None:
        super().__init__()
        self._session = Session()
        self._session.mount("https://", _Adapter())

    def download(self, artifact: Any) -> Path:
        """Write the artifact to its place in the local repository. Raises OSError when no remote one gives it."""
        path: Path = artifact.cached_path
        path.parent.mkdir(parents=True, exist_ok=True)
        (remote,) = artifact.context.remote_repos.values()
        url = f"{remote}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT) as response, path.open("wb") as file:
                response.raise_for_status()
                file.writelines(response.iter_content(1 << 16))
        except SSLError as reason:
            raise OSError(
                f"{reason}. Behind a proxy that signs connections itself, set SSL_CERT_FILE to its certificate (PEM)"
            ) from reason
        return path


class Maven:
    """Maven Central in front of a local repository."""

    def __init__(self, repository: Path) -> None:
        self._context = MavenContext(resolver=Resolver(), repo_cache=repository)

    def fetch(self, group: str, artifact: str, version: str) -> None:
        """Fetch a jar unless it is in the local repository. Raises OSError."""
        self._context.project(group, artifact).at_version(version).artifact().resolve()


class _Adapter(HTTPAdapter):
    """Adds `trusted` certificates to those of certifi, directly and through a proxy, and waits when asked to (429)."""

    def __init__(self) -> None:
        self._trusted = {"ssl_context": trusted()}
        super().__init__(max_retries=Retry(connect=0, read=0, other=0, status=3, status_forcelist=[429]))

    def init_poolmanager(self, *positional: Any, **named: Any) -> None:
        super().init_poolmanager(*positional, **named | self._trusted)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        return super().proxy_manager_for(proxy, **named | self._trusted)


def trusted() -> ssl.SSLContext:
    """Return a context with the certificates of SSL_CERT_FILE and SSL_CERT_DIR, else the system's, and of PIP_CERT.

    As in pip it is less strict than `ssl.create_default_context`: from Python 3.13 on that one refuses certificates as
    many proxies make them (RFC 5280 wants more extensions than these have).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if pip := os.environ.get("PIP_CERT"):
        context.load_verify_locations(pip)
    return context
