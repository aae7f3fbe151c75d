"""Downloads from Maven Central by jgo (of the extra `broker`), with the system's trusted certificates."""

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
    """A resolver of jgo with our TLS context. That of jgo trusts only certifi or REQUESTS_CA_BUNDLE."""

    def __init__(self) -> None:
        super().__init__()
        self._session = Session()
        self._session.mount("https://", _Adapter())

    def download(self, artifact: Any) -> Path:
        """Download an artifact to its path in the local repository. Raises OSError if that fails."""
        path: Path = artifact.cached_path
        path.parent.mkdir(parents=True, exist_ok=True)
        (remote,) = artifact.context.remote_repos.values()
        url = f"{remote}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT) as response, path.open("wb") as file:
                response.raise_for_status()
                file.writelines(response.iter_content(1 << 16))
        except SSLError as error:
            raise OSError(
                f"{error}. Behind a proxy that signs connections itself, set SSL_CERT_FILE to its certificate (PEM)"
            ) from error
        return path


class Maven:
    """Maven Central with a local repository as its cache."""

    def __init__(self, repository: Path) -> None:
        self._context = MavenContext(resolver=Resolver(), repo_cache=repository)

    def fetch(self, group: str, artifact: str, version: str) -> None:
        """Fetch a jar unless it is in the local repository. Raises OSError if that fails."""
        self._context.project(group, artifact).at_version(version).artifact().resolve()


class _Adapter(HTTPAdapter):
    """An adapter that uses `trust_context` directly and through a proxy, and retries later at status 429."""

    def __init__(self) -> None:
        self._ssl_options = {"ssl_context": trust_context()}
        super().__init__(max_retries=Retry(connect=0, read=0, other=0, status=3, status_forcelist=[429]))

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords | self._ssl_options)

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        return super().proxy_manager_for(proxy, **keywords | self._ssl_options)


def trust_context() -> ssl.SSLContext:
    """Return a TLS context that trusts SSL_CERT_FILE and SSL_CERT_DIR, else the system, and PIP_CERT.

    Like pip's context it is less strict than `ssl.create_default_context`. From Python 3.13 on that refuses
    certificates of many proxies, which lack extensions that RFC 5280 requires.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if pip_certificates := os.environ.get("PIP_CERT"):
        context.load_verify_locations(pip_certificates)
    return context
