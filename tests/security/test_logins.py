"""Passwords, mechanisms and certificates that a broker refuses. All end with exit code 2 and the setting at fault."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.kafka.rights import principal
from tests.chaos.cluster import ChaosCluster
from tests.security.secured_broker import EXPIRED, NAMES, SecuredBroker, acls_for, succeeds

pytestmark = [
    pytest.mark.kafka,
    # aiokafka does not wait until the first connection of a client with TLS is closed
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

CSV = "id,time\n1,2026-01-01T00:00:00Z\n"
MAPPING = """
source = "/test"

[[event]]
type = "cx.feedback.deleted.v1"
id = "{id}"
time = { text = "{time}", format = "%Y-%m-%dT%H:%M:%SZ", timezone = "UTC" }
[event.data]
feedback_id = "{id}"
"""
COMMANDS = [
    ["topics", "create"],
    ["topics", "check"],
    ["doctor"],
    ["doctor", "audit"],
    ["publish", "-"],
    ["erase", "--yes", "c-17"],
    ["deadletter", "ls"],
    ["deadletter", "replay"],
    ["deadletter", "purge", "c-17"],
    ["skip", "cx.feedback:0:0"],
    ["explain", "--customer", "c-17"],
]
SCRAM = "SCRAM-SHA-256"
WRONG = {"sasl_password": "wrong-secret"}


@pytest.fixture(autouse=True)
def _without_connections() -> Iterator[None]:
    """Collect the connections that are left, so that no other test meets them."""
    yield
    gc.collect()


def check(secured: SecuredBroker, listener: str, **kafka: Any) -> Any:
    """Run `topics check` as `admin` through a listener."""
    return CliRunner(env=secured.environ("admin", listener, **kafka)).invoke(main, ["topics", "check"])


@pytest.mark.parametrize(
    ("listener", "kafka"),
    [
        ("SASL_PLAINTEXT", {"sasl_mechanism": SCRAM}),
        ("SASL_SSL", {}),
        ("SASL_SSL", {"sasl_mechanism": SCRAM}),
    ],
)
def test_right_passwords(secured: SecuredBroker, listener: str, kafka: dict[str, str]) -> None:
    """By PLAIN and SCRAM, with TLS and without. The tests of the ACLs use PLAIN without TLS."""
    succeeds(check(secured, listener, **kafka))


@pytest.mark.parametrize(
    ("listener", "kafka", "text"),
    [
        ("SASL_PLAINTEXT", WRONG, "refuses the login of User:admin with PLAIN"),
        ("SASL_SSL", WRONG, "refuses the login of User:admin with PLAIN"),
        (
            "SASL_SSL",
            WRONG | {"sasl_mechanism": SCRAM},
            f"of User:admin with {SCRAM}",
        ),
        (
            "SASL_PLAINTEXT",
            {"sasl_username": "nobody", "sasl_mechanism": SCRAM},
            f"of User:nobody with {SCRAM}",
        ),
        ("SASL_PLAINTEXT", {"sasl_mechanism": "SCRAM-SHA-512"}, "kafka.sasl_mechanism: "),
        ("SASL_PLAINTEXT", {"security_protocol": "PLAINTEXT"}, "kafka.security_protocol: "),
        (
            "PLAINTEXT",
            {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password": "p"},
            "no login",
        ),
        ("STALE", {}, "kafka.ssl_cafile: the certificate of '127.0.0.1:"),
        ("STALE", {}, "certificate has expired"),
        ("SASL_SSL", {"ssl_cafile": "other-ca.pem"}, "kafka.ssl_cafile: the certificate of "),
        ("SSL", {"ssl_certfile": f"{EXPIRED}.pem"}, "of this client, which has expired on "),
        ("SSL", {}, "of this client, which has none"),
    ],
)
def test_refused_logins(secured: SecuredBroker, listener: str, kafka: dict[str, str], text: str) -> None:
    """The error names the setting, and not the password."""
    in_folder = {
        name: secured.folder / value if name.startswith("ssl") else value for name, value in kafka.items()
    }
    result = check(secured, listener, **in_folder)
    assert (result.exit_code, result.stdout) == (2, ""), (result.output, result.exception)
    assert text in result.stderr
    assert "secret" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_certificate_is_a_principal(secured: SecuredBroker) -> None:
    """Its subject is the name that lacks ACLs."""
    result = check(secured, "SSL", ssl_certfile=secured.folder / "worker.pem")
    assert result.exit_code == 4
    assert "Error: User:CN=worker,OU=" in result.stderr
    assert "lacks Describe and DescribeConfigs on topic" not in result.stderr, "a hidden topic lacks Describe"
    assert "lacks Describe on topic cx.feedback" in result.stderr


def test_the_principal_is_that_of_the_broker(secured: SecuredBroker) -> None:
    """ACLs for the name in the error work."""
    settings = secured.settings("admin", "SSL", ssl_certfile=secured.folder / "worker.pem")
    secured.allow(acls_for("admin", principal(settings.kafka).removeprefix("User:")))
    succeeds(check(secured, "SSL", ssl_certfile=secured.folder / "worker.pem"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_names_a_wrong_password(secured: SecuredBroker, command: list[str]) -> None:
    """The exit code is 2."""
    wrong = {"CXGAUGE_KAFKA_SASL_PASSWORD": "wrong-secret"}
    result = secured.run("operator", *command, stdin="", **wrong)
    assert result.exit_code == 2, (result.output, result.exception)
    assert "kafka.sasl_username, kafka.sasl_password: " in result.stderr
    assert "secret" not in result.output


def test_a_replay_names_a_wrong_password(secured: SecuredBroker, tmp_path: Path) -> None:
    """The exit code is 2."""
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "a.toml").write_text(MAPPING)
    wrong = {"CXGAUGE_KAFKA_SASL_PASSWORD": "wrong-secret"}
    result = secured.run(
        "importer", "replay", str(tmp_path / "a.csv"), "--mapping", str(tmp_path / "a.toml"), **wrong
    )
    assert result.exit_code == 2, (result.output, result.exception)
    assert "kafka.sasl_username, kafka.sasl_password: " in result.stderr


@pytest.mark.parametrize("service", ["worker", "exporter", "intake"])
def test_services_end_with_a_wrong_password(secured: SecuredBroker, tmp_path: Path, service: str) -> None:
    """They do not try again, and log no error of a library."""
    with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
        wrong = secured.environ(service, **WRONG)
        assert cluster.start(service, **wrong).wait(30) == 2, cluster.logs()
        assert f"refuses the login of User:{service} with PLAIN" in cluster.logs()
        assert " ERROR " not in cluster.logs()
        assert "secret" not in cluster.logs()


@pytest.mark.parametrize("once", [[], ["--once"], ["--dry-run"]], ids=" ".join)
def test_a_bridge_ends_with_a_wrong_password(secured: SecuredBroker, tmp_path: Path, once: list[str]) -> None:
    """It does not wait, as it does for a broker that is away."""
    (tmp_path / "a.toml").write_text(MAPPING)
    cluster = ChaosCluster(secured.broker.bootstrap, tmp_path, **secured.environ("bridge", **WRONG))
    ended = cluster.run("bridge", "orders", "--mapping", str(tmp_path / "a.toml"), *once)
    assert ended.returncode == 2, ended.stderr
    assert "refuses the login of User:bridge with PLAIN" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr
