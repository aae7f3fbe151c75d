"""Commands that wait for a broker."""

import asyncio
import socket

import pytest

from stream.cli import aio
from stream.config import Kafka
from stream.errors import CxgaugeError
from stream.kafka import client
from stream.kafka.client import QuietLibrary, connect


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time after which a command says that it waits, and that of a request."""
    monkeypatch.setattr(aio, "SILENCE", 0.1)
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_MS", 500)
    monkeypatch.setattr("stream.kafka.faults.LOGIN_TIMEOUT", 0.5)


def test_a_frozen_broker_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    """It accepts connections and never answers. The command fails as without a broker."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        kafka = Kafka(bootstrap_servers=f"127.0.0.1:{frozen.getsockname()[1]}")
        with pytest.raises(CxgaugeError, match="no broker answers at"):
            aio.run(kafka, connect(kafka))
    assert capsys.readouterr().err == f"Waiting for broker {kafka.bootstrap_servers}, 50 s at most\n"


def test_a_long_command_with_a_connection_waits_for_no_broker(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        with QuietLibrary():
            pass
        await asyncio.sleep(0.3)

    aio.run(Kafka(), work())
    assert capsys.readouterr().err == ""
