"""Damaged requests: every one is answered by a fault of the sender, and no event is lost or doubled.

`CX_TEST_BODIES` sets the number of requests, 2,000 by default.
"""

import gzip
import json
import os
import random
from collections.abc import Callable
from copy import deepcopy
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from schemas.codec import Decoder, Undecodable
from schemas.envelope import EVENTS
from schemas.examples import EXAMPLES
from schemas.topics import DERIVED, TOPICS
from stream.config.intake_settings import Hook
from stream.intake.grants import token_hash
from tests.intake.http_client import BATCH, LINES, STRUCTURED
from tests.intake.running import RunningIntake, running_intake
from tests.intake.test_hooks import MAPPING

BODIES = int(os.environ.get("CX_TEST_BODIES", "2000"))
EXAMPLE_EVENTS = [json.loads(EXAMPLES[kind]) for kind in EVENTS if kind not in DERIVED]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 9.0, 7.5, 1e400, 2**53, -(2**63), 10**30, "", " ", "9", "x" * 300, "😀"),
    *(
        "\x00",
        "\x1b[2J",
        "\u202e",
        [],
        {},
        [[]],
        {"a": {}},
        "2026-11-22",
        "2026-11-22T10:15:00",
        1_795_000_000,
    ),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-06-30T23:59:60Z", "eur", "NaN"),
]
EXPECTED = {200, 202, 207, 400, 401, 403, 405, 408, 413, 415, 421}
JUNK = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"\\",
    b"\n",
    b"\\u0000",
    b"\\ud83d",
    b"1e999",
]


def changed(event: dict[str, Any], choose: random.Random) -> dict[str, Any]:
    """Return an event in which up to three members have other values, or are missing or unknown."""
    event = {**event, "id": str(choose.random()), "data": dict(event["data"])}
    for _ in range(choose.randrange(4)):
        part = choose.choice((event, event["data"]))
        if not isinstance(part, dict):
            continue
        name = choose.choice([*part, "unknown"])
        if choose.random() < 0.2:
            part.pop(name, None)
        else:
            part[name] = deepcopy(choose.choice(VALUES))
        if not isinstance(event.get("data"), dict):
            break
    return event


def damaged(body: bytes, choose: random.Random) -> bytes:
    """Return bytes of which a few are replaced, removed, repeated or inserted."""
    for _ in range(choose.choice((0, 0, 1, 1, 3))):
        begin = choose.randrange(len(body) + 1)
        end = min(len(body), begin + choose.choice((0, 1, 1, 10, 500)))
        body = body[:begin] + choose.choice([*JUNK, body[begin:end] * 2]) + body[end:]
    return body


def in_headers(event: dict[str, Any], choose: random.Random) -> tuple[bytes, dict[str, str]]:
    """Return an event in binary mode."""
    data = event.pop("data", {})
    headers = {f"ce-{name}": str(value).encode("ascii", "replace").decode() for name, value in event.items()}
    headers = {name: "".join(c for c in value if c.isprintable()) for name, value in headers.items()}
    if choose.random() < 0.3:
        headers[choose.choice(list(headers))] = choose.choice(("%C3%A9", "%ff", '"a\\"b"', "%", "%zz", "é"))
    return json.dumps(data).encode(), headers


def request(choose: random.Random) -> tuple[str, bytes, dict[str, str]]:
    """Return the path, body and headers of a request."""
    mode = choose.choice(("structured", "batch", "lines", "bare", "binary", "hook", "form"))
    events = [changed(choose.choice(EXAMPLE_EVENTS), choose) for _ in range(choose.choice((1, 2, 5)))]
    path, headers = choose.choice(("/v1/events",) * 4 + ("/v1/events?atomic=true",)), {}
    if mode == "batch":
        body, headers["Content-Type"] = json.dumps(events).encode(), BATCH
    elif mode == "lines":
        body, headers["Content-Type"] = "\n".join(map(json.dumps, events)).encode(), LINES
    elif mode == "binary":
        body, headers = in_headers(events[0], choose)
        if choose.random() < 0.5:
            headers["Content-Type"] = "application/json"
    elif mode in ("hook", "form"):
        payload = {
            "type": "ticket.created",
            "ticket": {
                "id": choose.choice(VALUES),
                "via": choose.choice(VALUES),
                "created_at": choose.choice(VALUES),
            },
            "rating": choose.choice([None, {"score": choose.choice([4, *VALUES])}]),
            "at": "2026-11-22T10:15:00Z",
        }
        path, body = "/v1/hooks/form", json.dumps(payload).encode()
        headers = {"X-Token": "t", "webhook-id": "1", "Content-Type": "application/json"}
        if mode == "form":
            body, headers["Content-Type"] = (
                urlencode({"payload": body}).encode(),
                "application/x-www-form-urlencoded",
            )
    else:
        body = json.dumps(events[0]).encode()
        headers["Content-Type"] = STRUCTURED if mode == "structured" else "application/json"
    body = damaged(body, choose)
    if choose.random() < 0.05:
        body, headers["Content-Encoding"] = damaged(gzip.compress(body), choose), "gzip"
    if choose.random() < 0.05:
        headers["Content-Type"] = choose.choice(
            (*(f"{t}; charset=x" for t in (BATCH, LINES)), "é", ";", "a/b/c", " ")
        )
    return path, body, headers


class FuzzClient:
    """A client that keeps its connection."""

    def __init__(self, intake: RunningIntake) -> None:
        self.connection = HTTPConnection(urlsplit(intake.url).netloc, timeout=30)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        try:
            return self._send(path, body, headers)
        except HTTPException:  # the server had closed the connection after the request before
            self.connection.close()
            return self._send(path, body, headers)

    def _send(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())


def stored(status: int, document: Any, path: str) -> int:
    """Return how many records an answer promises."""
    if path.startswith("/v1/hooks") and status == 200:
        return int(document.get("events", 0)) + (document.get("unmapped", 0) > 0)
    return int(document["accepted"]) if status in (202, 207) else 0


def test_damaged_requests(tmp_path: Any) -> None:
    mapping = tmp_path / "desk.toml"
    mapping.write_text(MAPPING)
    hook = Hook(mapping=str(mapping), verify="token", header="X-Token", sha256=(token_hash("t"),))
    choose, statuses = random.Random(20), set()
    with running_intake(hooks={"form": hook}) as intake:
        client = FuzzClient(intake)
        for number in range(BODIES):
            path, body, headers = request(choose)
            before = len(intake.sink.records)
            status, document = client.send(path, body, headers)
            statuses.add(status)
            assert status in EXPECTED, (number, status, path, body, headers)
            assert len(intake.sink.records) - before == stored(status, document, path), (
                number,
                body,
                headers,
            )
        client.connection.close()
        assert {200, 202, 207, 400, 415} <= statuses
        assert intake.budget.reserved == 0
        assert intake.count("anonymous", "error") == intake.count("form", "error") == 0
        check_records(intake)


def check_records(intake: RunningIntake) -> None:
    """Every record is one that a worker of its topic reads."""
    decoders: dict[str, Callable[..., Any]] = {name: Decoder(topic).decode for name, topic in TOPICS.items()}
    for record in intake.sink.records:
        for domain in set(record.domains) & decoders.keys():
            try:
                decoders[domain](record.value, record.headers)
            except Undecodable as error:
                raise AssertionError((record.value, error.detail)) from error
