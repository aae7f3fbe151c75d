"""Connections: the guard watches headers, and bodies may take longer."""

import json
import socket

import pytest

from stream.http import guard
from tests.intake.running import RunningIntake, answer

HEAD = (
    "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\n"
    "Content-Length: {length}\r\n\r\n"
)
BODY = json.dumps(answer(comment="\r\n\r\n")).encode()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, intake: RunningIntake) -> socket.socket:
    """A connection to a server that waits 0.3 s for headers."""
    monkeypatch.setattr(guard, "REQUEST_TIMEOUT", 0.3)
    host = (intake.settings.listen.host, intake.settings.listen.port)
    return socket.create_connection(host, timeout=20)


def status(client: socket.socket) -> str:
    """Read one response with a body and return its status line."""
    received = b""
    while b"}" not in received:
        chunk = client.recv(65_536)
        if not chunk:
            return received.decode()
        received += chunk
    return received.decode().splitlines()[0]


def wait_for_close(client: socket.socket) -> bytes:
    received = b""
    while chunk := client.recv(65_536):
        received += chunk
    return received


def test_a_body_may_come_later_than_headers(client: socket.socket) -> None:
    """Longer than headers may, and in pieces. The connection stays open for the next request."""
    for _ in range(2):
        for piece in (HEAD.format(length=len(BODY)).encode(), BODY[:50]):
            client.sendall(piece)
            client.settimeout(0.6)
            with pytest.raises(TimeoutError):
                client.recv(1)
        client.settimeout(20)
        client.sendall(BODY[50:])
        assert status(client) == "HTTP/1.1 202 Accepted"
    client.close()


def test_half_a_request_after_a_whole_one_is_not_kept(client: socket.socket) -> None:
    client.sendall(HEAD.format(length=len(BODY)).encode() + BODY)
    assert status(client) == "HTTP/1.1 202 Accepted"
    client.sendall(b"POST /v1/events HTTP/1.1\r\n")
    assert wait_for_close(client) == b""
    client.close()


def test_requests_one_after_the_other_in_one_piece(client: socket.socket) -> None:
    client.sendall((HEAD.format(length=len(BODY)).encode() + BODY) * 3)
    received = b""
    while received.count(b"202 Accepted") < 3:
        received += client.recv(65_536)
    client.close()


@pytest.mark.parametrize(
    "junk",
    [
        b"POST /v1/events HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
)
def test_what_is_no_http_is_no_fault_of_ours(
    client: socket.socket, intake: RunningIntake, junk: bytes
) -> None:
    client.sendall(junk)
    answer_text = wait_for_close(client).decode()
    assert answer_text.startswith(("HTTP/1.1 400", "HTTP/1.0 400")) or not answer_text
    assert intake.count("anonymous", "error") == 0
    client.close()
