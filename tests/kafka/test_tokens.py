"""Login by OAUTHBEARER with the provider of the page, and with Kafka's unsecured tokens."""

import asyncio
import base64
import importlib
import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.abc import AbstractTokenProvider
from click.testing import CliRunner, Result

from schemas.feedback import FeedbackSubmitted
from schemas.publish import Publisher
from schemas.publish_sync import SyncPublisher
from stream.cli import main
from stream.config import Kafka, load
from stream.config.token_providers import GROUP
from stream.devbroker.kafka import Broker
from stream.devbroker.ports import free_port
from stream.errors import ConfigError, CxgaugeError
from stream.kafka import tokens
from stream.kafka.client import client_options
from stream.kafka.tokens import TokenError
from tests.chaos.cluster import ChaosCluster, wait
from tests.style.sources import ROOT

PAGE = (ROOT / "deploy/docs/kafka-access.md").read_text(encoding="utf-8")
PROVIDERS = """
class Text:
    def __init__(self): pass

def fails():
    from aiokafka.abc import AbstractTokenProvider
    class Failing(AbstractTokenProvider):
        async def token(self):
            raise OSError("the token server\\nis away")
    return Failing()
"""
EVENT = '{"id":"%s","type":"cx.feedback.submitted.v1","time":"%s","data":{"feedback_id":"%s","survey":"nps","score":9}}\n'


def block(first_line: str) -> str:
    """Return the code block of the page that begins with a line."""
    (text,) = re.findall(rf"^```\w+\n({re.escape(first_line)}\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def unsecured_token(principal: str, seconds: float) -> str:
    """Return a JSON web token without signature, which expires after some seconds."""
    claims = {"sub": principal, "iat": time.time(), "exp": time.time() + seconds}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, claims)
    ]
    return ".".join([*parts, ""])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path with the page's package and others, as pip installs them."""
    folder = tmp_path / "site"
    metadata = folder / "token_file-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "token_file.py").write_text(block("# token_file.py"), encoding="utf-8")
    (folder / "other_providers.py").write_text(PROVIDERS, encoding="utf-8")
    group, entry = re.findall(r'^\[project\.entry-points\."([^"]+)"\]\n(.*)\n', PAGE, re.MULTILINE)[0]
    assert group == GROUP
    others = "text = other_providers:Text\nfails = other_providers:fails\nmissing = no_such_module:Provider\n"
    entries = f"[{group}]\n{entry.replace(chr(34), '')}\n{others}"
    (metadata / "entry_points.txt").write_text(entries, encoding="utf-8")
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: token-file\nVersion: 1.0\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(tokens._LastError, "error", None)
    yield folder
    for name in ("token_file", "other_providers"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@pytest.fixture
def token_path(tmp_path: Path) -> Path:
    """The file that the provider reads, with a token for the principal `cxgauge`."""
    path = tmp_path / "token"
    path.write_text(unsecured_token("cxgauge", 600) + "\n", encoding="utf-8")
    return path


def kafka_settings(name: str, **options: Any) -> Kafka:
    return Kafka(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        token_provider=name,
        token_options=options,
    )


def variables(name: str, **options: Any) -> dict[str, str]:
    return {
        "CXGAUGE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "CXGAUGE_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
        "CXGAUGE_KAFKA_TOKEN_PROVIDER": name,
        "CXGAUGE_KAFKA_TOKEN_OPTIONS": json.dumps(options),
    }


def errors_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(None, environ)
    return str(raised.value).splitlines()


def test_the_configuration_of_the_page(installed: Path, tmp_path: Path) -> None:
    """It needs no user. The options are not printed."""
    path = tmp_path / "cxgauge.toml"
    path.write_text(block("# cxgauge.toml"), encoding="utf-8")
    assert load(path, {}).kafka.token_options == {"path": "/var/run/secrets/kafka/token"}
    printed = CliRunner().invoke(main, ["--config", str(path), "--print-config"])
    assert printed.exit_code == 0, printed.output
    assert 'token_options = {"path" = "***"}' in printed.stdout
    assert "secrets" not in printed.stdout


def test_a_provider_that_is_missing_or_unknown(installed: Path) -> None:
    """The error names those that are installed."""
    (line,) = errors_of(variables("") | {"CXGAUGE_KAFKA_TOKEN_OPTIONS": ""})
    assert line == "kafka.token_provider: missing, required by kafka.sasl_mechanism 'OAUTHBEARER'"
    (line,) = errors_of(variables("token-file"))
    assert line == (
        "kafka.token_provider: got 'token-file', allowed is one of fails, missing, text, token_file (entry points of the group "
        "cxgauge.kafka_token_providers)"
    )


def test_without_any_provider() -> None:
    (line,) = errors_of(variables("token_file"))
    assert line == (
        "kafka.token_provider: got 'token_file', none is installed (entry points of the group cxgauge.kafka_token_providers)"
    )


@pytest.mark.parametrize("value", ["secret", '["secret"]', '{"a secret": 1}'])
def test_options_that_are_no_keywords(installed: Path, value: str) -> None:
    """The error does not show them."""
    (line,) = errors_of(variables("token_file") | {"CXGAUGE_KAFKA_TOKEN_OPTIONS": value})
    assert line.startswith("kafka.token_options: got '***', allowed is a table whose keys are names")


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        (
            "token_file",
            {"file": "x"},
            "kafka.token_options: the token provider 'token_file' refuses them: TypeError",
        ),
        (
            "missing",
            {},
            "kafka.token_provider: 'missing' (no_such_module:Provider) cannot be imported: ModuleNotFound",
        ),
        (
            "text",
            {},
            "kafka.token_provider: 'text' (other_providers:Text) returned Text, expected an instance of ",
        ),
        ("other", {}, "kafka.token_provider: 'other' is not an entry point of the group "),
    ],
)
def test_providers_that_cannot_be_used(
    installed: Path, name: str, options: dict[str, str], error: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        client_options(kafka_settings(name, **options))
    assert str(raised.value).startswith(error)


class ReturningProvider(AbstractTokenProvider):
    """A provider that returns or raises what it is given, and waits for ever for an Ellipsis."""

    def __init__(self, result: Any) -> None:
        self.result = result

    async def token(self) -> Any:
        if self.result is ...:
            await asyncio.Event().wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def extensions(self) -> Any:
        raise KeyError("tenant")


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (OSError("away"), "OSError: away"),
        (TimeoutError("its own"), "TimeoutError: its own"),
        (..., "none within 0 s"),
        (None, "expected a str of visible ASCII characters, got NoneType"),
        (b"token", "expected a str of visible ASCII characters, got bytes"),
        ("to ken\x01", "expected a str of visible ASCII characters, got a str with other characters"),
        ("", "expected a str of visible ASCII characters, got a str with other characters"),
    ],
)
async def test_tokens_that_are_none(monkeypatch: pytest.MonkeyPatch, result: Any, error: str) -> None:
    """The error names the provider, and not the token."""
    monkeypatch.setattr(tokens, "TOKEN_TIMEOUT", 0.01)
    provider = tokens._CheckedProvider("p", ReturningProvider(result))
    with pytest.raises(TokenError) as raised:
        await provider.token()
    assert str(raised.value) == f"kafka.token_provider: 'p' returned no token for Kafka: {error}"


async def test_a_fault_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is away later is not blamed on the provider. Neither is a failure after which a login succeeded."""
    monkeypatch.setattr(tokens._LastError, "error", None)
    provider = tokens._CheckedProvider("p", ReturningProvider(OSError("away")))
    for _ in range(2):
        with pytest.raises(TokenError):
            await provider.token()
    fault = tokens.take_token_fault()
    assert (type(fault), fault and fault.exit_code) == (CxgaugeError, 1)
    assert tokens.take_token_fault() is None
    with pytest.raises(TokenError):
        await provider.token()
    authenticator = tokens._CheckedAuthenticator(sasl_oauth_token_provider=provider)
    authenticator._token_sent = True
    assert await authenticator.step(b"") is None
    assert tokens.take_token_fault() is None


def test_extensions_that_raise() -> None:
    with pytest.raises(TokenError, match="returned no token for Kafka: extensions: KeyError: 'tenant'"):
        tokens._CheckedProvider("p", ReturningProvider("token")).extensions()


def test_each_client_has_an_instance(installed: Path, token_path: Path) -> None:
    """Because clients run in several event loops."""
    kafka = kafka_settings("token_file", path=str(token_path))
    first, second = (client_options(kafka)["sasl_oauth_token_provider"] for _ in range(2))
    assert first is not second
    assert asyncio.run(first.token()) == token_path.read_text().strip()
    assert first.extensions() == {}


class TokenBroker:
    """A broker whose second port takes unsecured tokens. Only the principal `cxgauge` has rights there."""

    def __init__(self, folder: Path) -> None:
        self.port, plain, controller = free_port(), free_port(), free_port()
        listeners = f"PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{self.port}"
        listener = "listener.name.sasl_plaintext"
        module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
        properties: dict[str, str | int] = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listener.security.protocol.map": (
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
            ),
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{listener}.oauthbearer.sasl.jaas.config": f"{module};",
            f"{listener}.oauthbearer.connections.max.reauth.ms": 5_000,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:cxgauge",
        }
        self.broker = Broker(plain, folder, properties)

    def environ(self, name: str, **options: Any) -> dict[str, str]:
        return variables(name, **options) | {"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.port}"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenBroker]:
    started = TokenBroker(tmp_path_factory.mktemp("tokens"))
    with started.broker:
        yield started


@pytest.fixture
def command(broker: TokenBroker, token_path: Path, installed: Path) -> Callable[..., Result]:
    """`command("topics", "check", name="token_file")` runs a command with a provider."""

    def run(*arguments: str, name: str = "token_file", stdin: str | None = None) -> Result:
        options = {"path": str(token_path)} if name == "token_file" else {}
        return CliRunner(env=broker.environ(name, **options)).invoke(main, arguments, input=stdin)

    return run


def answer(name: str) -> str:
    return EVENT % (name, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), name)


@pytest.mark.kafka
def test_a_refused_token(command: Callable[..., Result], token_path: Path) -> None:
    """An expired one. The broker answers with a text, which aiokafka ignores."""
    token_path.write_text(unsecured_token("cxgauge", -60), encoding="utf-8")
    result = command("topics", "check")
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stderr.startswith(
        "Error: kafka.token_provider: the broker refuses the token of 'token_file': "
    )
    assert "invalid_token" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.kafka
def test_a_provider_that_raises(command: Callable[..., Result]) -> None:
    result = command("topics", "check", name="fails")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: kafka.token_provider: 'fails' returned no token for Kafka: OSError: the token server is away\n",
    )


@pytest.mark.kafka
def test_the_token_names_the_principal(command: Callable[..., Result], token_path: Path) -> None:
    """Another principal has no right."""
    token_path.write_text(unsecured_token("somebody", 600), encoding="utf-8")
    result = command("topics", "create")
    assert result.exit_code == 4
    assert "the principal of the token of 'token_file' lacks Describe on topic " in result.output


@pytest.mark.kafka
def test_everything_logs_in_by_tokens(
    broker: TokenBroker,
    installed: Path,
    token_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Worker, exporter, commands and publishers count for longer than a token lasts. The broker closes their connections."""
    environ = broker.environ("token_file", path=str(token_path)) | {"PYTHONPATH": str(installed)}
    with ChaosCluster(broker.broker.bootstrap, tmp_path) as cluster:
        worker: Any = cluster.start(**environ)
        exporter: Any = cluster.start("exporter", **environ)
        names = {key: value for key, value in cluster.env.items() if "TOPICS" in key or "GROUP" in key}
        env = names | broker.environ("token_file", path=str(token_path))
        kafka = load(None, env).kafka
        topics = {"feedback": names["CXGAUGE_TOPICS_FEEDBACK"]}
        promoters = 'cx_nps_responses{view="total",window="1h",category="promoter"}'
        result = CliRunner(env=env).invoke(main, ["publish", "-"], input=answer("a"))
        assert result.exit_code == 0, result.output
        wait(lambda: cluster.samples(exporter).get(promoters) == 1, cluster.logs)
        options = client_options(kafka)
        logins = count_logins(options["sasl_oauth_token_provider"], monkeypatch)
        ends = time.monotonic() + 12  # the broker closes connections after 5 s
        sent = 1
        with SyncPublisher(**options, topics=topics) as publisher:
            publisher.send(FeedbackSubmitted(feedback_id="first", survey="nps", score=10))
            first_logins = len(logins)
            while time.monotonic() < ends:
                publisher.send(FeedbackSubmitted(feedback_id=f"f-{sent}", survey="nps", score=10))
                sent += 1
        assert len(logins) > first_logins
        asyncio.run(publish_one(kafka, topics))
        wait(lambda: cluster.samples(exporter).get(promoters) == sent + 2, cluster.logs)
        wait(lambda: CliRunner(env=env).invoke(main, ["doctor"]).exit_code == 0, cluster.logs)
        assert (worker.poll(), exporter.poll()) == (None, None)
        assert "restarting from the last checkpoint" not in cluster.logs()


def count_logins(provider: AbstractTokenProvider, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by each token that a provider returns."""
    returned: list[str] = []
    token = provider.token

    async def counted() -> str:
        returned.append(await token())
        return returned[-1]

    monkeypatch.setattr(provider, "token", counted)
    return returned


async def publish_one(kafka: Kafka, topics: dict[str, str]) -> None:
    """Publish an answer with the asynchronous client."""
    async with Publisher(**client_options(kafka), topics=topics) as publisher:
        await publisher.send(FeedbackSubmitted(feedback_id="async", survey="nps", score=9))


@pytest.mark.kafka
def test_services_name_a_provider_that_fails(broker: TokenBroker, installed: Path, tmp_path: Path) -> None:
    """`/readyz` has the reason, while they try again."""
    environ = broker.environ("fails") | {"PYTHONPATH": str(installed)}
    with ChaosCluster(broker.broker.bootstrap, tmp_path) as cluster:
        for service in ("worker", "exporter"):
            process: Any = cluster.start(service, **environ)
            wait(lambda process=process: "the token server is away" in readiness(process.port), cluster.logs)
            assert process.poll() is None


@pytest.mark.kafka
def test_services_end_with_a_refused_token(
    broker: TokenBroker, installed: Path, token_path: Path, tmp_path: Path
) -> None:
    """With exit code 2, as with a wrong password."""
    token_path.write_text(unsecured_token("cxgauge", -60), encoding="utf-8")
    environ = broker.environ("token_file", path=str(token_path)) | {"PYTHONPATH": str(installed)}
    with ChaosCluster(broker.broker.bootstrap, tmp_path) as cluster:
        for service in ("worker", "exporter"):
            assert cluster.start(service, **environ).wait(30) == 2, cluster.logs()
            assert "the broker refuses the token of 'token_file'" in cluster.logs()


def readiness(port: int) -> str:
    """Return the text of `/readyz`, empty if nothing listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())
    except OSError:
        return ""
