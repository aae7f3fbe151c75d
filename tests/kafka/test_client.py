"""Options of Kafka clients."""

import ssl
from pathlib import Path

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from stream.config import Kafka, Settings
from stream.devbroker.ports import free_port
from stream.errors import ConfigError
from stream.kafka.admin import existing_topics
from stream.kafka.client import client_options, running
from stream.kafka.reading import committed_consumer


def test_plaintext_clients_get_the_address_only() -> None:
    """Without security there is no TLS context and no user."""
    assert client_options(Kafka()) == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_sasl_over_tls() -> None:
    """User, password, and a context that verifies the broker's certificate."""
    user = {"sasl_username": "u", "sasl_password": "p"}
    kafka = Kafka(security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", **user)
    options = client_options(kafka)
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("ssl_cafile", "kafka.ssl_cafile: expected a file of certificates in PEM, got "),
        (
            "ssl_certfile",
            "kafka.ssl_certfile: expected a certificate in PEM with its key, not encrypted, in it or in ",
        ),
    ],
)
def test_files_that_are_not_pem_are_named(tmp_path: Path, setting: str, text: str) -> None:
    """A service exits with 2. It would try again for ever if it took this for a broker that is away."""
    file = tmp_path / "file.pem"
    file.write_text("nothing of the kind")
    with pytest.raises(ConfigError) as raised:
        client_options(Kafka(security_protocol="SSL", **{setting: file}))  # type: ignore[arg-type]
    assert str(raised.value).startswith(text)
    assert str(file) in str(raised.value)


def test_topics_are_named_by_domain() -> None:
    """Inputs have separate names, state and panes share a prefix."""
    topics = msgspec.structs.replace(Settings().topics, tickets="desk", state_prefix="eu")
    assert topics.input("tickets") == "desk"
    assert topics.state("tickets") == "eu.state.tickets"
    assert topics.panes("tickets") == "eu.panes.tickets"
    assert topics.clock == "eu.clock"
    assert len(set(topics.all)) == 11


def test_settings_are_frozen() -> None:
    """A setting does not change while the process runs."""
    with pytest.raises(AttributeError):
        Settings().clv.margin_rate = 0.5


class FailingClient:
    """A client that cannot start."""

    stopped = False

    async def start(self) -> None:
        raise KafkaConnectionError

    async def stop(self) -> None:
        self.stopped = True


async def test_a_client_that_cannot_start_is_stopped() -> None:
    """Its connections would stay open."""
    client = FailingClient()
    with pytest.raises(KafkaConnectionError):
        async with running(client):
            pass
    assert client.stopped


async def test_a_broker_that_cannot_be_reached_is_reported_by_the_caller_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Aiokafka would log an error, also while a service waits for its broker."""
    settings = Settings(kafka=Kafka(bootstrap_servers=f"127.0.0.1:{free_port()}"))
    with pytest.raises(KafkaConnectionError):
        await existing_topics(settings)
    with pytest.raises(KafkaConnectionError):
        async with running(committed_consumer(settings.kafka)):
            pass
    assert caplog.records == []
