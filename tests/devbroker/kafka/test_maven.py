"""Fetching jars over HTTPS, from a server whose certificate only the environment vouches for."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest
import trustme

from stream.devbroker.kafka.maven import Maven
from tests.http_server import serving

pytestmark = pytest.mark.fresh

VARIABLES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
PROXIES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
JAR = "org/example/thing/1.0/thing-1.0.jar"
FILES = {f"/maven2/{JAR}": b"content" * 50_000}


class Repository(BaseHTTPRequestHandler):
    """A Maven repository. Its first answers have the statuses in `refusals`."""

    refusals: list[int]

    def do_GET(self) -> None:
        """Send a file."""
        content = FILES.get(self.path, b"")
        status = self.refusals.pop(0) if self.refusals else 200 if content else 404
        content = content if status == 200 else b""
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Requests are not logged."""


class Proxy(BaseHTTPRequestHandler):
    """Forward bytes between a client and the server of CONNECT, and record the targets."""

    tunnels: list[str]

    def do_CONNECT(self) -> None:
        """Open a tunnel until the client closes it."""
        self.tunnels.append(self.path)
        host, _, port = self.path.rpartition(":")
        self.send_response(200)
        self.end_headers()
        with socket.create_connection((host, int(port))) as server:
            backward = Thread(target=relay, args=(server, self.connection))
            backward.start()
            relay(self.connection, server)
            server.shutdown(socket.SHUT_RDWR)
            backward.join()

    def log_message(self, *arguments: object) -> None:
        """Requests are not logged."""


def relay(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until there are no more."""
    while data := source.recv(1 << 16):
        target.sendall(data)


@pytest.fixture
def authority() -> trustme.CA:
    """The authority of the server's certificate."""
    return trustme.CA()


@pytest.fixture
def maven_central(monkeypatch: pytest.MonkeyPatch, authority: trustme.CA) -> Iterator[list[int]]:
    """Maven Central on this machine, nobody trusts it. Gives the statuses that it is to begin with."""
    for name in [*VARIABLES, *PROXIES]:
        monkeypatch.delenv(name, raising=False)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    handler = type("Handler", (Repository,), {"refusals": []})
    with serving(handler, context) as port:
        url = f"https://localhost:{port}/maven2"
        monkeypatch.setattr("jgo.maven._core.DEFAULT_REMOTE_REPOS", {"central": url})
        yield handler.refusals


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> Path:
    """The authority's certificate, alone in a folder."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


def fetch_jar(folder: Path) -> bytes:
    """Fetch the jar and return its content."""
    Maven(folder).fetch("org.example", "thing", "1.0")
    return (folder / JAR).read_bytes()


@pytest.mark.usefixtures("maven_central")
def test_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    """An unknown certificate is an error that names the setting which may be missing."""
    with pytest.raises(OSError, match=r"certificate verify failed.*set SSL_CERT_FILE to its certificate"):
        fetch_jar(tmp_path)


@pytest.mark.usefixtures("maven_central")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("proxy", [False, True])
def test_a_certificate_from_the_environment_is_trusted(
    variable: str, proxy: bool, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each variable works, directly and through a proxy."""
    monkeypatch.setenv(variable, str(certificate))
    handler = type("Handler", (Proxy,), {"tunnels": []})
    with ExitStack() as stack:
        if proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{stack.enter_context(serving(handler))}")
        assert fetch_jar(tmp_path) == FILES[f"/maven2/{JAR}"]
    assert len(handler.tunnels) == proxy


@pytest.mark.usefixtures("maven_central")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_folder_of_certificates_is_trusted(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_DIR works, too."""
    subprocess.run(["openssl", "rehash", certificate.parent], check=True)
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate.parent))
    assert fetch_jar(tmp_path) == FILES[f"/maven2/{JAR}"]


def test_a_busy_repository_is_asked_again(
    maven_central: list[int], certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After status 429 the request is repeated as the header says. Other errors are raised at once."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    maven_central[:] = [429, 429]
    assert fetch_jar(tmp_path) == FILES[f"/maven2/{JAR}"]
    maven_central[:] = [403]
    with pytest.raises(OSError, match="403 Client Error: Forbidden for url: https://localhost"):
        Maven(tmp_path / "other").fetch("org.example", "thing", "1.0")
    assert not maven_central
