"""TLS and passwords, by the file that every Prometheus exporter takes."""

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
from stream.exporter.http import auth
from stream.exporter.http.server import serve
from stream.exporter.http.web_config import WebConfig, read
from tests.exporter.live.world import World
from tests.exporter.memory import answers

pytestmark = pytest.mark.fresh

ADA = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
USERS = {"basic_auth_users": {"ada": ADA}}


def basic(credentials: str) -> str:
    """The header for `user:password`."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


class Files:
    """A folder with certificates, and a web configuration in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "web.yml"
        self.authority, self.theirs = trustme.CA(), trustme.CA()
        own = self.authority.issue_cert("127.0.0.1", "localhost")
        own.private_key_pem.write_to_path(folder / "key.pem")
        own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.theirs.cert_pem.write_to_path(folder / "clients.pem")

    def tls(self, **more: Any) -> dict[str, Any]:
        return {"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", **more}}

    def config(self, found: Any) -> WebConfig:
        """What a file with this content says."""
        self.path.write_text(found if isinstance(found, str) else yaml.safe_dump(found))
        return read(self.path)

    def client(self, *, certificate: bool = False) -> ssl.SSLContext:
        """What trusts the server, with or without a certificate of its own."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if certificate:
            self.theirs.issue_cert("prometheus").configure_cert(context)
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@asynccontextmanager
async def served(config: WebConfig, folder: str = "") -> AsyncIterator[str]:
    """The address of an exporter of one line."""
    page, port = Exposition(), free_port()
    page.replace(b"a 1\n", page.gzipped)
    runner = await serve(page, lambda: ("", folder), Address("127.0.0.1", port), config=config)
    try:
        yield f"{'https' if config.tls else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def status(url: str, path: str = "/metrics", **how: Any) -> int:
    """What a client without patience for encodings is answered."""
    async with ClientSession() as session, session.get(url + path, **how) as answer:
        return answer.status


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/", "/static/app.js", "/none"])
async def test_nothing_without_a_password(files: Files, path: str) -> None:
    """Every path is behind it, as with other exporters."""
    async with served(files.config(USERS)) as url:
        async with ClientSession() as session, session.get(url + path) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        right = 404 if path == "/none" else 200
        assert await status(url, path, headers={"Authorization": basic("ada:secret")}) == right


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
async def test_wrong_credentials(files: Files, header: str) -> None:
    """Refused, whatever is wrong with them."""
    async with served(files.config(USERS)) as url:
        assert await status(url, headers={"Authorization": f"Basic {header}"}) == 401
        assert await status(url, headers={"Authorization": f"Bearer {header}"}) == 401


async def test_a_good_password_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is remembered, a wrong one never; an unknown user costs as much as a wrong password."""
    asked: list[bytes] = []
    real = bcrypt.checkpw
    monkeypatch.setattr(auth.bcrypt, "checkpw", lambda *args: (asked.append(args[0]), real(*args))[1])
    door = auth.BasicAuth({"ada": ADA.encode()})

    assert [await door.authenticate(basic("ada:secret")) for _ in range(3)] == [True] * 3
    assert [await door.authenticate(basic("ada:other")) for _ in range(2)] == [False] * 2
    assert [await door.authenticate(basic("bob:secret")) for _ in range(2)] == [False] * 2
    assert asked == [b"secret", b"other", b"other", b"secret", b"secret"]


async def test_many_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is verified at a time; too many are sent away, not lined up."""
    monkeypatch.setattr(auth, "MAX_WAITING", 2)
    door = auth.BasicAuth({"ada": ADA.encode()})
    results = await asyncio.gather(
        *(door.authenticate(basic(f"ada:{n}")) for n in range(5)), return_exceptions=True
    )
    assert results[:2] == [False, False]
    assert [getattr(result, "status", None) for result in results[2:]] == [503] * 3


async def test_tls(files: Files) -> None:
    """For those who trust the certificate's authority, and nobody in clear; older versions are refused."""
    async with served(files.config(files.tls(min_version="TLS13"))) as url:
        assert await status(url, ssl=files.client()) == 200
        with pytest.raises(ClientError):
            await status(url)
        with pytest.raises(ClientError):
            await status(url.replace("https", "http"))
        old = files.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ClientError):
            await status(url, ssl=old)


@pytest.mark.parametrize(
    ("kind", "without"), [("RequireAndVerifyClientCert", False), ("VerifyClientCertIfGiven", True)]
)
async def test_certificates_of_clients(files: Files, kind: str, without: bool) -> None:
    """Asked for and verified; one of another authority never does."""
    config = files.config(files.tls(client_auth_type=kind, client_ca_file="clients.pem"))
    async with served(config) as url:
        assert await status(url, ssl=files.client(certificate=True)) == 200
        if without:
            assert await status(url, ssl=files.client()) == 200
        else:
            with pytest.raises(ClientError):
                await status(url, ssl=files.client())
        stranger = files.client()
        trustme.CA().issue_cert("prometheus").configure_cert(stranger)
        with pytest.raises(ClientError):
            await status(url, ssl=stranger)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("rate_limit: {}", "rate_limit: is not supported, only tls_server_config, basic_auth_users"),
        ("http_server_config: {http2: true}", "http_server_config: is not supported"),
        ({"tls_server_config": {"cipher_suites": []}}, "tls_server_config.cipher_suites: is not supported, only cert"),
        ({"tls_server_config": {"cert_file": "cert.pem"}}, "tls_server_config.key_file: is missing"),
        ({"tls_server_config": {"cert_file": "no.pem", "key_file": "key.pem"}}, "no.pem is not a file"),
        ({"tls_server_config": {"cert_file": "key.pem", "key_file": "key.pem"}}, "cannot be used"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "min_version": "TLS10"}}, "supported are TLS12, TLS13"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "min_version": 1.2}}, "min_version: got 1.2"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_auth_type": "RequireAnyClientCert"}}, "supported are NoClientCert, "),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_ca_file": "ca.pem"}}, "client_ca_file: needs a client_auth_type"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_auth_type": "VerifyClientCertIfGiven"}}, "client_ca_file: is missing"),
        ({"tls_server_config": {"cert_file": "cert.pem", "key_file": "key.pem", "client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "key.pem"}}, "client_ca_file: key.pem: "),
        ({"tls_server_config": []}, "tls_server_config: got list"),
        ({"basic_auth_users": {"ada": "secret"}}, "basic_auth_users.ada: allowed is a bcrypt hash"),
        ({"basic_auth_users": {"a:b": ADA}}, "without a colon"),
        ({"basic_auth_users": ["ada"]}, "allowed is a mapping of users"),
        ("[]", "got list"),
        ("a: [", "while parsing"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused(files: Files, content: Any, text: str) -> None:
    """With one line that names file and key, and no password."""
    with pytest.raises(ConfigError) as caught:
        files.config(content)
    told = str(caught.value)
    assert told.startswith(f"exporter.web_config: {files.path}: ")
    assert text in told
    assert "\n" not in told
    assert "secret" not in told


def test_an_empty_file_changes_nothing(files: Files) -> None:
    """As in the toolkit."""
    assert files.config("") == WebConfig()


def test_promtool_takes_the_same_file(files: Files, require: Callable[[str], Path]) -> None:
    """What we take is a web configuration to Prometheus' own tool too."""
    clients = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "clients.pem"}
    files.config(files.tls(min_version="TLS12", **clients) | USERS)
    done = subprocess.run(
        [require("promtool"), "check", "web-config", files.path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_prometheus_and_top_get_in(files: Files, require: Callable[[str], Path]) -> None:
    """A real Prometheus scrapes by TLS and password; so does `cxgauge top`."""
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
    world = World(port=exporter_port, web=files.config(files.tls() | USERS))
    await world.publish(answers(3, 10))
    async with world.running(), prometheus(require("prometheus"), files.folder, world) as port:
        await world.refresh()
        arguments = [
            "top",
            "--once",
            "--url",
            world.url,
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
                await world.refresh()
        assert await _query(port, "up") == ["1"]


@asynccontextmanager
async def prometheus(program: Path, folder: Path, world: World) -> AsyncIterator[int]:
    """The port of a Prometheus with the configuration in a folder, stopped before the world that it scrapes."""
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
        world.hang_up()


async def _query(port: int, query: str) -> list[str]:
    """Values of an instant query; none while Prometheus is not there."""
    try:
        async with ClientSession() as session:
            url = f"http://127.0.0.1:{port}/api/v1/query"
            async with session.get(url, params={"query": query}) as answer:
                return [each["value"][1] for each in (await answer.json())["data"]["result"]]
    except ClientError:
        return []
