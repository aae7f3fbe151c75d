"""Verification of webhooks, against signatures of a library of another project and of the standard library."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import bcrypt
import pytest
from standardwebhooks import Webhook

from stream.config.intake_settings import Hook
from stream.errors import ConfigError
from stream.intake.problem import ProblemError
from stream.intake.signatures import SignedRequest, verifier

NOW = 1_795_000_000.0
KEY = base64.b64encode(b"k" * 32).decode()
BODIES = [
    b'{"id": 1}',
    '{"text": "schön 😀"}'.encode(),
    rb'{"text": "\u001B[2J \ud83d\ude00"}',
    b"payload=%7B%22a%22%3A1%7D&x=1+2",
    b"\xff\xfe no text",
    b"",
    b'{"a":1}\r\n',
]
"""Signatures are over the bytes, whatever they decode to."""
WITHIN = [False, True, True, False]
"""Whether a request is accepted just before and after the limits of the default tolerance of 5 minutes."""


def digest(text: bytes, key: bytes = b"secret", algorithm: str = "sha256") -> bytes:
    return hmac.new(key, text, algorithm).digest()


async def is_valid(hook: Hook, headers: dict[str, str], body: bytes, now: float = NOW) -> bool:
    """Return whether a request is accepted."""
    try:
        await verifier(hook, "hook")(
            SignedRequest({name.lower(): value for name, value in headers.items()}, body), now
        )
    except ProblemError as problem:
        return problem.status != 401
    return True


def hmac_hook(**settings: Any) -> Hook:
    return Hook(mapping="", verify="hmac", secrets=("old", "secret"), **{"header": "X-Sign", **settings})


@pytest.mark.parametrize("body", [body for body in BODIES if b"\xff" not in body])
async def test_standard_webhooks(body: bytes) -> None:
    """Signed by the reference implementation, which takes text only."""
    hook = Hook(
        mapping="", verify="standard", secrets=("whsec_" + base64.b64encode(b"old").decode(), f"whsec_{KEY}")
    )
    moment = datetime.fromtimestamp(NOW, UTC)
    signature = Webhook(f"whsec_{KEY}").sign("msg_1", moment, body.decode())
    for prefix in ("webhook", "Svix"):
        headers = {
            f"{prefix}-id": "msg_1",
            f"{prefix}-timestamp": str(int(NOW)),
            f"{prefix}-signature": signature,
        }
        assert await is_valid(hook, headers, body)
        several = headers | {f"{prefix}-signature": f"v1a,abc v1,AAAA {signature}"}
        assert await is_valid(hook, several, body)
        assert not await is_valid(hook, headers, body + b" ")
        assert [await is_valid(hook, headers, body, NOW + late) for late in (-301, -299, 299, 301)] == WITHIN
        assert not await is_valid(hook, headers | {f"{prefix}-id": "msg_2"}, body)
        assert not await is_valid(
            hook, headers | {f"{prefix}-signature": signature.replace("v1,", "v2,")}, body
        )
        for name in list(headers):
            assert not await is_valid(
                hook, {key: value for key, value in headers.items() if key != name}, body
            )


@pytest.mark.parametrize("body", BODIES)
async def test_stripe(body: bytes) -> None:
    hook = Hook(mapping="", verify="stripe", secrets=("whsec_1", "secret"))
    moment = str(int(NOW) - 100)
    signature = digest(moment.encode() + b"." + body).hex()
    assert await is_valid(hook, {"Stripe-Signature": f"t={moment},v1={signature},v0=00"}, body)
    assert await is_valid(hook, {"Stripe-Signature": f"t={moment}, v1={'0' * 64}, v1={signature}"}, body)
    sent = {"Stripe-Signature": f"t={moment},v1={signature}"}
    assert [await is_valid(hook, sent, body, NOW - 100 + late) for late in (-301, -299, 299, 301)] == WITHIN
    assert not await is_valid(hook, {"Stripe-Signature": f"t={moment},v0={signature}"}, body)
    assert not await is_valid(hook, {"Stripe-Signature": f"t={int(NOW)},v1={signature}"}, body)
    assert not await is_valid(hook, {"Stripe-Signature": f"v1={signature}"}, body)
    assert not await is_valid(hook, {"Stripe-Signature": "t=,v1="}, body)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    ("settings", "encode"),
    [
        ({}, lambda signature: signature.hex()),
        ({}, lambda signature: signature.hex().upper()),
        ({"prefix": "sha256="}, lambda signature: f"sha256={signature.hex()}"),
        ({"encoding": "base64"}, lambda signature: base64.b64encode(signature).decode()),
        ({"encoding": "base64"}, lambda signature: base64.urlsafe_b64encode(signature).decode().rstrip("=")),
        (
            {"encoding": "base64", "prefix": "sha256="},
            lambda signature: f"sha256={base64.b64encode(signature).decode()}",
        ),
    ],
    ids=["hex", "HEX", "sha256=hex", "base64", "base64url", "sha256=base64"],
)
async def test_spellings_of_hmac(body: bytes, settings: Any, encode: Any) -> None:
    hook = hmac_hook(**settings)
    assert await is_valid(hook, {"x-sign": encode(digest(body))}, body)
    assert not await is_valid(hook, {"x-sign": encode(digest(body, b"other"))}, body)
    assert not await is_valid(hook, {"x-sign": encode(digest(body + b"x"))}, body)
    assert not await is_valid(hook, {"x-sign": encode(b"")}, body)
    assert not await is_valid(hook, {}, body)


async def test_sha1() -> None:
    hook = hmac_hook(algorithm="sha1", prefix="sha1=")
    assert await is_valid(hook, {"X-Sign": "sha1=" + digest(b"x", algorithm="sha1").hex()}, b"x")
    assert not await is_valid(hook, {"X-Sign": "sha1=" + digest(b"x").hex()}, b"x")


@pytest.mark.parametrize(
    ("signed", "moment"),
    [
        ("{timestamp}.{body}", "1795000000"),
        ("{timestamp}{body}", "2026-11-18T11:06:40Z"),
        ("v0:{timestamp}:{body}", "1795000000"),
        ("{body}{timestamp}", "1795000000123"),
    ],
)
async def test_a_signed_time(signed: str, moment: str) -> None:
    """In seconds, milliseconds or ISO 8601. Beyond the tolerance the same request is a replay."""
    hook = hmac_hook(signed=signed, timestamp_header="X-Time", tolerance=60_000)
    body = b'{"a": "{body}{timestamp}"}'
    text = signed.encode().replace(b"{timestamp}", moment.encode()).replace(b"{body}", body)
    headers = {"X-Sign": digest(text).hex(), "X-Time": moment}
    assert await is_valid(hook, headers, body)
    assert await is_valid(hook, headers, body, NOW + 59)
    assert not await is_valid(hook, headers, body, NOW + 62)
    assert not await is_valid(hook, headers, body, NOW - 62)
    assert not await is_valid(hook, headers | {"X-Time": "1795000001"}, body)
    for wrong in ("", "yesterday", "2026-11-18T11:06:40", "9" * 400, "1e300", "NaN", "-5"):
        assert not await is_valid(hook, headers | {"X-Time": wrong}, body)


async def test_basic_authentication() -> None:
    hook = Hook(mapping="", verify="basic", users={"ada": bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()})
    good = "Basic " + base64.b64encode(b"ada:pw").decode()
    assert await is_valid(hook, {"Authorization": good}, b"")
    assert not await is_valid(hook, {"Authorization": good[:-3]}, b"")
    assert not await is_valid(hook, {}, b"")


async def test_a_token_in_a_header() -> None:
    hashes = (sha256(b"old").hexdigest(), sha256(b"token").hexdigest())
    hook = Hook(mapping="", verify="token", sha256=hashes, header="X-Token", prefix="Bearer ")
    assert await is_valid(hook, {"X-Token": "Bearer token"}, b"")
    assert await is_valid(hook, {"X-Token": "token"}, b"")
    assert not await is_valid(hook, {"X-Token": hashes[1]}, b"")
    assert not await is_valid(hook, {"X-Token": ""}, b"")


async def test_a_token_in_the_query() -> None:
    """For systems that sign nothing and send no header."""
    hook = Hook(mapping="", verify="token", sha256=(sha256(b"token").hexdigest(),), query="key")
    check = verifier(hook, "hook")
    await check(SignedRequest({}, b"", {"key": "token"}), NOW)
    for query in ({}, {"key": ""}, {"key": "x"}, {"other": "token"}):
        with pytest.raises(ProblemError):
            await check(SignedRequest({"key": "token"}, b"", query), NOW)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "no base64!"])
def test_a_secret_that_is_no_base64(secret: str) -> None:
    with pytest.raises(ConfigError, match=r"^hook\.secrets\.0: got '\*\*\*'"):
        verifier(Hook(mapping="", verify="standard", secrets=(secret,)), "hook")


async def test_many_signatures_do_not_cost_much() -> None:
    headers = {"X-Sign": ",".join(["00"] * 1_000 + [digest(b"x").hex()])}
    assert not await is_valid(hmac_hook(), headers, b"x")


def test_bodies_differ() -> None:
    assert json.loads(BODIES[2])["text"].endswith("😀")
