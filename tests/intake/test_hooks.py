"""`POST /v1/hooks/NAME`: verified, mapped, stored; what is not mapped is ignored or a dead letter."""

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from standardwebhooks import Webhook

from schemas.codec import MAX_VALUE
from stream.config.intake_settings import Hook
from stream.errors import ConfigError
from stream.intake.grants import token_hash
from stream.intake.hooks import compile_hooks
from tests.intake.http_client import HttpAnswer, send
from tests.intake.running import RunningIntake, running_intake

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
MAPPING = """
source = "/desk"

[[event]]
type = "cx.ticket.created.v1"
id = '{_headers."webhook-id"}'
time = "{ticket.created_at}"
when = {type = "ticket.created"}
data = {ticket_id = "{ticket.id}", channel = "{ticket.via}"}

[[event]]
type = "cx.feedback.submitted.v1"
id = "rating-{ticket.id}"
time = "{at}"
skip = {"type(rating)" = "null"}
data = {feedback_id = "{ticket.id}", survey = "csat", score = {path = "rating.score"}}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    path = tmp_path / "desk.toml"
    path.write_text(MAPPING)
    return str(path)


@pytest.fixture
def intake(mapping: str) -> Iterator[RunningIntake]:
    """An intake with webhooks that are verified by signature and by token."""
    hooks = {
        "desk": Hook(mapping=mapping, verify="standard", secrets=(SECRET,), challenge_token="t0k"),  # noqa: S106
        "form": Hook(mapping=mapping, verify="token", header="X-Token", sha256=(token_hash("t"),)),
    }
    with running_intake(hooks=hooks) as running:
        yield running


def deliver(intake: RunningIntake, payload: Any, *, compress: bool = False) -> HttpAnswer:
    """Send a signed delivery."""
    delivery = "msg_1"
    body = payload if isinstance(payload, str) else json.dumps(payload)
    now = datetime.now(UTC)
    headers = {
        "webhook-id": delivery,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(delivery, now, body),
    }
    if compress:
        headers["Content-Encoding"] = "gzip"
    sent = gzip.compress(body.encode()) if compress else body
    return send(intake.url, sent, "application/json", path="/v1/hooks/desk", **headers)


CREATED = {
    "type": "ticket.created",
    "ticket": {
        "id": 7,
        "via": "email",
        "created_at": "2026-11-22T10:15:00Z",
        "subject": "schön 😀 \u001b[2J",
    },
}


def test_a_payload_becomes_events(intake: RunningIntake) -> None:
    both = {**CREATED, "at": "2026-11-22T10:15:00Z", "rating": {"score": 4}}
    response = deliver(intake, both)
    assert response[::2] == (200, {"events": 2, "unmapped": 0}), intake.sink.records
    created, answered = intake.sink.events()
    assert (created["id"], created["source"]) == ("msg_1", "/desk")
    assert created["data"] == {"ticket_id": "7", "channel": "email"}
    assert answered["data"]["score"] == 4
    assert [record.key for record in intake.sink.records] == [b"7", b"7"]
    assert [record.domains for record in intake.sink.records] == [("tickets",), ("feedback",)]
    assert intake.count("desk", "accepted") == 1


def test_a_retry_is_the_same_event(intake: RunningIntake) -> None:
    deliver(intake, CREATED)
    deliver(intake, CREATED)
    first, second = intake.sink.events()
    assert first == second


def test_a_signature_is_over_the_decompressed_body(intake: RunningIntake) -> None:
    assert deliver(intake, CREATED, compress=True)[::2] == (200, {"events": 1, "unmapped": 0})


def test_a_payload_that_no_rule_takes_is_ignored(intake: RunningIntake) -> None:
    assert deliver(intake, {"type": "ping"})[::2] == (200, {"events": 0, "unmapped": 0})
    assert intake.sink.records == []
    assert intake.count("desk", "ignored") == 1


def test_a_payload_that_cannot_be_mapped_is_a_dead_letter(intake: RunningIntake) -> None:
    """With the raw body. The events of other rules are used."""
    both = {**CREATED, "at": "2026-11-22T10:15:00Z", "rating": {"score": 6}}
    assert deliver(intake, both)[::2] == (200, {"events": 1, "unmapped": 1})
    event, dead = intake.sink.records
    assert event.domains == ("tickets",)
    assert (dead.domains, dead.key, dead.value) == (("deadletter",), b"", json.dumps(both).encode())
    headers = dict(dead.headers)
    assert headers["cx_reason"] == b"invalid"
    assert headers["cx_topic"] == b"hooks/desk"
    assert b"desk.toml: rule 2 (cx.feedback.submitted.v1): data.score: " in headers["cx_detail"]
    assert headers["cx_timestamp"] == str(dead.timestamp).encode()
    assert intake.count("desk", "unmapped") == 1


@pytest.mark.parametrize("body", ["{", "", "[" * 100_000, "5", "null", '{"a": "\\ud83d"}'])
def test_a_body_that_is_no_document_is_a_dead_letter(intake: RunningIntake, body: str) -> None:
    """The vendor would switch the webhook off if it were refused."""
    response = deliver(intake, body)
    assert response[::2] == (200, {"events": 0, "unmapped": 1})
    assert intake.sink.records[0].value == body.encode()[:MAX_VALUE]


def test_forms(intake: RunningIntake) -> None:
    """Fields are texts. A field `payload` on its own is JSON."""
    given = {"path": "/v1/hooks/form", "X_Token": "t"}
    form = "application/x-www-form-urlencoded; charset=utf-8"
    fields = urlencode({"type": "x", "rating": "yes", "at": "2026-11-22T10:15:00Z"})
    assert send(intake.url, fields, form, **given).document == {"events": 0, "unmapped": 1}
    payload = urlencode(
        {"payload": json.dumps({**CREATED, "rating": {"score": 4}, "at": "2026-11-22T10:15:00Z"})}
    )
    assert send(intake.url, payload, form, webhook_id="1", **given).document == {"events": 2, "unmapped": 0}
    for broken in ("payload=%7B", "a", "a=%ff&" * 2_000, "\u20ac=1"):
        assert send(intake.url, broken, form, **given).document == {"events": 0, "unmapped": 1}


def test_a_request_that_is_not_authentic_is_refused(intake: RunningIntake) -> None:
    body = json.dumps(CREATED)
    response = send(intake.url, body, "application/json", path="/v1/hooks/desk")
    assert (response.status, response.headers["content-type"]) == (401, "application/problem+json")
    assert send(intake.url, body, path="/v1/hooks/form", **{"X-Token": "x"}).status == 401
    assert send(intake.url, body, path="/v1/hooks/none").status == 404
    assert intake.count("desk", "unauthorized") == 1
    assert intake.sink.records == []


def test_the_body_of_a_stranger_is_not_read_if_nothing_signs_it(intake: RunningIntake) -> None:
    response = send(intake.url, b"a" * 5_000_000, path="/v1/hooks/form", **{"X-Token": "x"})
    assert response.status == 401
    assert send(intake.url, b"a" * 5_000_000, path="/v1/hooks/desk").status == 413


def test_webhooks_take_no_memory_from_events(intake: RunningIntake) -> None:
    """And the other way round."""
    with intake.budget.reserve(intake.budget.limit - 10_000):
        assert deliver(intake, CREATED).status == 200


def test_credentials_are_not_given_to_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "leak.toml"
    path.write_text(MAPPING.replace('_headers."webhook-id"', "_headers.authorization"))
    hook = Hook(
        mapping=str(path), verify="token", header="Authorization", sha256=(token_hash("t"),), prefix="Bearer "
    )
    with running_intake(hooks={"leak": hook}) as intake:
        response = send(intake.url, json.dumps(CREATED), path="/v1/hooks/leak", Authorization="Bearer t")
        assert response.document == {"events": 0, "unmapped": 1}


def test_without_kafka_the_vendor_tries_again(intake: RunningIntake) -> None:
    """The delivery is then stored once."""
    intake.sink.lose_connection("no broker")
    assert deliver(intake, CREATED).status == 503
    assert intake.count("desk", "unavailable") == 1
    intake.sink.lose_connection("")
    assert deliver(intake, CREATED).status == 200
    assert [event["id"] for event in intake.sink.events()] == ["msg_1"]


def test_challenges(intake: RunningIntake) -> None:
    slack = {"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"}
    assert deliver(intake, slack).document == {"challenge": "3eZbrw1aB"}
    assert deliver(intake, {"challenge": "monday"}).document == {"challenge": "monday"}
    assert send(intake.url, json.dumps(slack), path="/v1/hooks/desk").status == 401
    path = "/v1/hooks/desk?"

    def get(query: str, method: str = "GET", **headers: str) -> HttpAnswer:
        return send(intake.url, "", None, method=method, path=path + query, **headers)

    hub = {"hub.mode": "subscribe", "hub.challenge": "158", "hub.verify_token": "t0k"}
    assert get(urlencode(hub))[::2] == (200, "158")
    assert get(urlencode(hub | {"hub.verify_token": "other"})).status == 401
    assert get("challenge=abc")[::2] == (200, "abc")
    assert get("challenge=%3Cscript%3E").status == 400
    assert get("validationToken=Validation%3A+a%3Ab", "POST")[::2] == (200, "Validation: a:b")
    assert get("", "HEAD").status == 200
    assert get("").headers["allow"] == "POST"
    handshake = get("", "OPTIONS", WebHook_Request_Origin="eventemitter.example.com")
    assert handshake.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert (handshake.status, handshake.headers["webhook-allowed-rate"]) == (200, "*")
    assert intake.count("desk", "challenge") == 3
    assert intake.sink.records == []


def test_faults_of_all_webhooks_are_reported(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(
        'source = "/x"\n[[event]]\ntype = "cx.feedback.submited.v1"\nid = "1"\ntime = "x"\ndata = {}\n'
    )
    hooks = {
        "a": Hook(mapping=str(bad), verify="stripe", secrets=("x",)),
        "b": Hook(mapping="no-such", verify="stripe", secrets=("x",)),
    }
    with pytest.raises(ConfigError) as caught:
        compile_hooks(hooks)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"intake.hooks.a.mapping: {bad}: ")
    assert lines[-1].startswith("intake.hooks.b.mapping: no-such: is no file")
