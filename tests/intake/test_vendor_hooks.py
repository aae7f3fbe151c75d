"""The webhooks of the page, with samples of each vendor, signed as the vendor does."""

import base64
import hmac
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.envelope import Event
from stream.config import load
from stream.intake.grants import token_hash
from stream.mapping.mapping import load as load_mapping
from stream.mapping.shipped import names
from tests.intake.http_client import send
from tests.intake.running import running_intake
from tests.style.sources import ROOT

SECRET = b"whsec_secret"
SAMPLES = ROOT / "deploy/examples/samples"


def digest(text: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(SECRET, text, algorithm).digest()


def signed(vendor: str, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery."""
    seconds = str(int(time.time())).encode()
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return {
        "stripe": {"Stripe-Signature": f"t={seconds.decode()},v1={digest(seconds + b'.' + body).hex()}"},
        "zendesk": {
            "X-Zendesk-Webhook-Signature": base64.b64encode(digest(moment + body)).decode(),
            "X-Zendesk-Webhook-Signature-Timestamp": moment.decode(),
        },
        "chatwoot": {
            "X-Chatwoot-Signature": "sha256=" + digest(seconds + b"." + body).hex(),
            "X-Chatwoot-Timestamp": seconds.decode(),
        },
        "typeform": {"Typeform-Signature": "sha256=" + base64.b64encode(digest(body)).decode()},
        "intercom": {"X-Hub-Signature": "sha1=" + digest(body, "sha1").hex()},
        "posthog": {"X-Token": "token"},
    }[vendor]


@pytest.mark.parametrize("vendor", ["stripe", "zendesk", "chatwoot", "typeform", "intercom", "posthog"])
def test_samples_are_taken(tmp_path: Path, vendor: str) -> None:
    """As the mapping alone maps them. A changed body is refused where the vendor signs it."""
    page = (ROOT / "deploy/docs/intake.md").read_text(encoding="utf-8")
    (block,) = (
        part for part in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[intake.hooks.stripe]" in part
    )
    (tmp_path / "cxgauge.toml").write_text(block.replace("0" * 64, token_hash("token")))
    for name in re.findall(r'secret_files = \["(.*?)"\]', block):
        (tmp_path / name).write_bytes(SECRET + b"\n")
    hooks = load(tmp_path / "cxgauge.toml", {}).intake.hooks
    assert set(hooks) == {name for name in names() if not name.endswith("-past")}
    mapping, path = load_mapping(vendor), f"/v1/hooks/{vendor}"
    with running_intake(hooks=hooks) as intake:
        for line in (SAMPLES / f"{vendor}.jsonl").read_bytes().splitlines():
            expected = [event for event in mapping.events(json.loads(line)) if isinstance(event, Event)]
            response = send(intake.url, line, "application/json", path=path, **signed(vendor, line))
            assert response[::2] == (200, {"events": len(expected), "unmapped": 0})
            headers = signed(vendor, line + b" ") if vendor != "posthog" else {"X-Token": "x"}
            assert send(intake.url, line, "application/json", path=path, **headers).status == 401
        assert len(intake.sink.records) > 0
