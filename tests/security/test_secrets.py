"""No command shows the password of Kafka, whatever fails."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.devbroker.ports import free_port

pytestmark = pytest.mark.attack("commands with a secret", fails="leaked")

SECRET = "hunter2-hunter2"  # noqa: S105 - of the test
COMMANDS = [
    ["--print-config"],
    ["--check-config"],
    ["topics", "create"],
    ["topics", "check"],
    ["publish", "events.jsonl"],
    ["publish", "events.jsonl", "--dry-run"],
    ["publish", "missing.jsonl"],
    ["deadletter", "ls"],
    ["deadletter", "show", "0:0"],
    ["deadletter", "replay", "--dry-run"],
    ["doctor"],
    ["doctor", "audit"],
    ["erase", "anna"],
    ["explain", "nps"],
    ["explain", "--customer", "anna"],
    ["skip", "cx.feedback:0:0"],
    ["top", "--once"],
    ["nonsense"],
]
MISTAKES = [
    {"CXGAUGE_KAFKA_SASL_MECHANISM": "NTLM"},
    {"CXGAUGE_KAFKA_SECURITY_PROTOCOL": "NONE"},
    {"CXGAUGE_KAFKA_SSL_CAFILE": "/missing"},
    {"CXGAUGE_KAFKA_SASL_USERNAME": ""},
    {"CXGAUGE_KAFKA_SASL_PASSWORT": SECRET},
    {"CXGAUGE_KAFKA": f'{{"sasl_password": "{SECRET}"}}'},
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command with a password in the environment and in the file, without a broker, and return its output."""
    monkeypatch.chdir(tmp_path)
    event = '{"type": "cx.customer.erased.v1", "id": "1", "source": "/a", "time": "2026-11-22T09:15:00Z", "data": {"customer_id": "a"}}'
    (tmp_path / "events.jsonl").write_text(event)
    (tmp_path / "cxgauge.toml").write_text(f'[kafka]\nsasl_password = "{SECRET}"\n')
    environment = {
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "CXGAUGE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "CXGAUGE_KAFKA_SASL_MECHANISM": "PLAIN",
        "CXGAUGE_KAFKA_SASL_USERNAME": "ada",
        "CXGAUGE_KAFKA_SASL_PASSWORD": SECRET,
        "CXGAUGE_EXPORTER_LISTEN": f"127.0.0.1:{free_port()}",
    }

    def invoke(arguments: list[str], **changes: str) -> str:
        result = CliRunner(env=environment | changes).invoke(main, arguments)
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result.output

    return invoke


def is_shown(output: str) -> bool:
    """Return True if the secret, or its base64 encoding at any position, is in an output."""
    encoded = [base64.b64encode(bytes(n) + SECRET.encode())[4:-4].decode() for n in range(3)]
    return any(text in output for text in (SECRET, SECRET[:7], *encoded))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_commands_without_a_broker(
    run: Callable[..., str], arguments: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    output = run(arguments)
    assert output
    assert not is_shown(output + caplog.text)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: next(iter(mistake)))
@pytest.mark.parametrize(
    "arguments", [["--check-config"], ["--print-config"], ["topics", "check"]], ids=" ".join
)
def test_mistakes_around_it(run: Callable[..., str], arguments: list[str], mistake: dict[str, str]) -> None:
    assert not is_shown(run(arguments, **mistake))
