"""TLS and passwords, configured by the web configuration file of Prometheus exporters."""

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
import yaml
from aiohttp import ClientError, ClientSession
from click.testing import CliRunner

from stream.cli import main
from stream.config import Address
from stream.devbroker.ports import free_port
from stream.errors import ConfigError
from stream.exporter.exposition import Exposition
from stream.exporter.http.server import serve
from stream.http import auth
from stream.http.web_config import WebConfig, read
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter

pytestmark = pytest.mark.fresh

ADA = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
USERS = {"basic_auth_users": {"ada": ADA}}


def basic(credentials: str) -> str:
    """Return the header for `user:password`."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


class WebConfigFolder:
    """A folder with certificates and a web configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "web.yml"
        self.authority, self.client_authority = trustme.CA(), trustme.CA()
        server_certificate = self.authority.issue_cert("127.0.0.1", "localhost")
        server_certificate.private_key_pem.write_to_path(folder / "key.pem")
        server_certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.client_authority.cert_pem.write_to_path(folder / "clients.pem")

    def tls(self, **fields: Any) -> dict[str, Any]:
        return {"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", **fields}}

    def config(self, content: Any) -> WebConfig:
        """Return the configuration read from a file with this content."""
        self.path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return read(self.path)

    def client(self, *, certificate: bool = False) -> ssl.SSLContext:
        """Return a client context that trusts the server, with or without a client certificate."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if certificate:
            self.client_authority.issue_cert("prometheus").configure_cert(context)
        return context


@pytest.fixture
def files(tmp_path: Path) -> WebConfigFolder:
    return WebConfigFolder(tmp_path)


@asynccontextmanager
async def served(config: WebConfig, folder: str = "") -> AsyncIterator[str]:
    """Yield the address of an exporter with one series."""
    exposition, port = Exposition(), free_port()
    exposition.replace(b"a 1\n", exposition.gzipped)
    runner = await serve(exposition, lambda: ("", folder), Address("127.0.0.1", port), config=config)
    try:
        yield f"{'https' if config.tls else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def status(url: str, path: str = "/metrics", **request_options: Any) -> int:
    """Return the status of a request."""
    async with ClientSession() as session, session.get(url + path, **request_options) as answer:
        return answer.status


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/", "/static/app.js", "/none"])
async def test_every_path_needs_a_password(files: WebConfigFolder, path: str) -> None:
    """All paths require authentication, as with other exporters."""
    async with served(files.config(USERS)) as url:
        async with ClientSession() as session, session.get(url + path) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        expected = 404 if path == "/none" else 200
        assert await status(url, path, headers={"Authorization": basic("ada:secret")}) == expected


@pytest.mark.parametrize(
    "header",
    [
        base64.b64encode(b"ada:Secret").decode(),
        base64.b64encode(b"ada:").decode(),
        base64.b64encode(b"ada").decode(),
        base64.b64encode(b"bob:secret").decode(),
        base64.b64encode(b"ada:" + b"x" * 100).decode(),
        base64.b64encode(b"ada:secret\0").decode(),
        base64.b64encode(b"\xff:\xff").decode(),
        "***",
        "",
    ],
)
async def test_wrong_credentials(files: WebConfigFolder, header: str) -> None:
    """Wrong and malformed credentials are refused."""
    async with served(files.config(USERS)) as url:
        assert await status(url, headers={"Authorization": f"Basic {header}"}) == 401
        assert await status(url, headers={"Authorization": f"Bearer {header}"}) == 401


async def test_a_correct_password_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A correct password is cached, a wrong one never. An unknown user takes as long as a wrong password."""
    verified: list[bytes] = []
    checkpw = bcrypt.checkpw
    monkeypatch.setattr(auth.bcrypt, "checkpw", lambda *args: (verified.append(args[0]), checkpw(*args))[1])
    basic_auth = auth.BasicAuth({"ada": ADA.encode()})

    assert [await basic_auth.user(basic("ada:secret"), "a") for _ in range(3)] == ["ada"] * 3
    assert [await basic_auth.user(basic("ada:other"), "a") for _ in range(2)] == [None] * 2
    assert [await basic_auth.user(basic("bob:secret"), "a") for _ in range(2)] == [None] * 2
    assert verified == [b"secret", b"other", b"other", b"secret", b"secret"]


async def test_waiting_verifications_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are verified one at a time. Too many waiting requests are refused."""
    monkeypatch.setattr(auth, "MAX_WAITING", 2)
    basic_auth = auth.BasicAuth({"ada": ADA.encode()})
    results = await asyncio.gather(
        *(basic_auth.user(basic(f"ada:{n}"), f"address {n}") for n in range(5)),
        return_exceptions=True,
    )
    assert results[:2] == [None, None]
    assert [getattr(result, "status", None) for result in results[2:]] == [503] * 3
    assert await basic_auth.user(basic("ada:secret"), "address 0")
    assert not basic_auth._waiting


async def test_tls_needs_the_authority_and_the_minimum_version(files: WebConfigFolder) -> None:
    """Clients must trust the authority. Plain HTTP and older versions are refused."""
    async with served(files.config(files.tls(min_version="TLS13"))) as url:
        assert await status(url, ssl=files.client()) == 200
        with pytest.raises(ClientError):
            await status(url)
        with pytest.raises(ClientError):
            await status(url.replace("https", "http"))
        old_client = files.client()
        old_client.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ClientError):
            await status(url, ssl=old_client)


@pytest.mark.parametrize(
    ("kind", "without_certificate"),
    [("RequireAndVerifyClientCert", False), ("VerifyClientCertIfGiven", True)],
)
async def test_client_certificates_are_verified(
    files: WebConfigFolder, kind: str, without_certificate: bool
) -> None:
    """Client certificates are requested and verified. One of another authority is refused."""
    config = files.config(files.tls(client_auth_type=kind, client_ca_file="clients.pem"))
    async with served(config) as url:
        assert await status(url, ssl=files.client(certificate=True)) == 200
        if without_certificate:
            assert await status(url, ssl=files.client()) == 200
        else:
            with pytest.raises(ClientError):
                await status(url, ssl=files.client())
        untrusted_client = files.client()
        trustme.CA().issue_cert("prometheus").configure_cert(untrusted_client)
        with pytest.raises(ClientError):
            await status(url, ssl=untrusted_client)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("rate_limit: {}", "rate_limit: is not supported, only tls_server_config, basic_auth_users"),
        ("http_server_config: {http2: true}", "http_server_config: is not supported"),
        ({"tls_server_config": {"cipher_suites": []}}, "tls_server_config.cipher_suites: is not supported, only cert"),
        ({"tls_server_config": {"cert_file": "cert.pem"}}, "tls_server_config.key_file: is missing"),
        ({"tls_server_config": {"cert_file": "no.pem", "key_file": "key.pem"}}, "'no.pem' is not a file in /"),
        ({"tls_server_config": {"cert_file": "key.pem", "key_file": "key.pem"}}, "cannot be used"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "min_version": "TLS10"}}, "supported are TLS12, TLS13"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "min_version": 1.2}}, "min_version: got 1.2"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_auth_type": "RequireAnyClientCert"}}, "supported are NoClientCert, "),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_ca_file": "ca.pem"}}, "client_ca_file: needs a client_auth_type"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_auth_type": "VerifyClientCertIfGiven"}}, "client_ca_file: is missing"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "key.pem"}}, "client_ca_file: key.pem: "),
        ({"tls_server_config": []}, "tls_server_config: got list"),
        ({"basic_auth_users": {"ada": "secret"}}, "basic_auth_users.ada: allowed is a bcrypt hash"),
        ({"basic_auth_users": {"ada": ADA.replace("$04$", "$31$")}}, "a bcrypt hash of cost 4 to 16"),
        ({"basic_auth_users": {"a:b": ADA}}, "without a colon"),
        ({"basic_auth_users": ["ada"]}, "allowed is a mapping of users"),
        ("[]", "got list"),
        ("a: [", "while parsing"),
    ],
)  # fmt: skip
def test_unsupported_settings_are_refused(files: WebConfigFolder, content: Any, text: str) -> None:
    """The message is one line with file and key, and without passwords."""
    with pytest.raises(ConfigError) as caught:
        files.config(content)
    message = str(caught.value)
    assert message.startswith(f"exporter.web_config: {files.path}: ")
    assert text in message
    assert "\n" not in message
    assert "secret" not in message


def test_an_empty_file_changes_nothing(files: WebConfigFolder) -> None:
    """As in the exporter toolkit of Prometheus."""
    assert files.config("") == WebConfig()


def test_promtool_accepts_the_same_file(files: WebConfigFolder, require: Callable[[str], Path]) -> None:
    """A file that is accepted here is accepted by `promtool`."""
    clients = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "clients.pem"}
    files.config(files.tls(min_version="TLS12", **clients) | USERS)
    result = subprocess.run(
        [require("promtool"), "check", "web-config", files.path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


async def test_prometheus_and_top_authenticate(
    files: WebConfigFolder, require: Callable[[str], Path]
) -> None:
    """Prometheus scrapes with TLS and a password, and `cxgauge top` reads with them."""
    exporter_port = free_port()
    target = {
        "job_name": "cxgauge",
        "scheme": "https",
        "scrape_interval": "1s",
        "tls_config": {"ca_file": str(files.folder / "ca.pem")},
        "basic_auth": {"username": "ada", "password": "secret"},
        "static_configs": [{"targets": [f"127.0.0.1:{exporter_port}"]}],
    }
    (files.folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [target]}))
    live_exporter = LiveExporter(port=exporter_port, web=files.config(files.tls() | USERS))
    await live_exporter.publish(answers(3, 10))
    async with (
        live_exporter.running(),
        prometheus(require("prometheus"), files.folder, live_exporter) as port,
    ):
        await live_exporter.refresh()
        arguments = [
            "top",
            "--once",
            "--url",
            live_exporter.url,
            "--ca",
            str(files.folder / "ca.pem"),
            "--window",
            "1h",
        ]
        for user, code in ((["--user", "ada"], 0), ([], 1)):
            runner = CliRunner(env={"CX_TOP_PASSWORD": "secret"})
            result = await asyncio.to_thread(runner.invoke, main, [*arguments, *user])
            assert result.exit_code == code, result.output
        assert "Unauthorized" in result.output
        async with asyncio.timeout(60):
            while await _query(port, 'cx_nps_score{window="1h",view="total"}') != ["100"]:
                await live_exporter.refresh()
        assert await _query(port, "up") == ["1"]


@asynccontextmanager
async def prometheus(program: Path, folder: Path, live_exporter: LiveExporter) -> AsyncIterator[int]:
    """Run Prometheus with the configuration of a folder.

    It is stopped before the exporter that it scrapes.
    """
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()
        live_exporter.hang_up()


async def _query(port: int, query: str) -> list[str]:
    """Return the values of an instant query, none while Prometheus is not reachable."""
    try:
        async with ClientSession() as session:
            url = f"http://127.0.0.1:{port}/api/v1/query"
            async with session.get(url, params={"query": query}) as answer:
                return [sample["value"][1] for sample in (await answer.json())["data"]["result"]]
    except ClientError:
        return []


async def test_a_renewed_certificate_is_served_without_a_restart(files: WebConfigFolder) -> None:
    """A client that trusts the new authority only is served after its files were replaced, but not while the key is the old one."""
    config = files.config(files.tls())
    assert config.served is not None
    assert [file.use for file in config.certificates] == ["web_server"]
    (files.folder / "new").mkdir()
    renewed = WebConfigFolder(files.folder / "new")
    async with served(config) as url:
        assert await status(url, ssl=files.client()) == 200
        (renewed.folder / "cert.pem").replace(files.folder / "cert.pem")
        config.served.renew()
        assert await status(url, ssl=files.client()) == 200
        (renewed.folder / "key.pem").replace(files.folder / "key.pem")
        config.served.renew()
        assert await status(url, ssl=renewed.client()) == 200
        with pytest.raises(ClientError):
            await status(url, ssl=files.client())


def test_the_files_of_certificates_are_known(files: WebConfigFolder) -> None:
    """By what they are used for."""
    fields = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "clients.pem"}
    config = files.config(files.tls(**fields))
    assert [(file.use, file.path) for file in config.certificates] == [
        ("web_server", files.folder / "cert.pem"),
        ("web_client_ca", files.folder / "clients.pem"),
    ]
