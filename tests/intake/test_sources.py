"""Tokens, passwords, TLS and names: who may send what, and by which name."""

import base64
import json
import ssl
import time
from http.client import HTTPSConnection
from pathlib import Path

import bcrypt
import pytest
import trustme
import yaml
from click.testing import CliRunner

from stream.cli import main
from stream.config import Address, Settings, load
from stream.config.intake_settings import Hook, SourceToken
from stream.config.settings import Intake
from stream.errors import ConfigError
from stream.http import auth
from stream.http.web_config import WebConfig, read
from stream.intake.grants import make_token, token_hash
from stream.intake.service import refuse_open_listener
from tests.intake.http_client import STRUCTURED, send
from tests.intake.running import answer, running_intake

EVENT = json.dumps(answer())
SHOP, DESK = make_token(), make_token()
TOKENS = {
    "shop": SourceToken(sha256=token_hash(SHOP), topics=("feedback",), types=("cx.feedback.submitted.v1",)),
    "desk": SourceToken(sha256=token_hash(DESK), topics=("tickets",)),
}
USERS = {"ada": bcrypt.hashpw(b"secret", bcrypt.gensalt(4))}


def basic(credentials: str) -> str:
    """Return the header for `user:password`."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def test_a_token_is_required_and_limits_its_source() -> None:
    with running_intake(tokens=TOKENS) as intake:
        response = send(intake.url, EVENT)
        assert (response.status, response.headers["www-authenticate"]) == (401, 'Bearer realm="cxgauge"')
        for wrong in (
            f"Bearer {SHOP}x",
            f"Bearer {token_hash(SHOP)}",
            "Bearer ",
            basic("ada:secret"),
            "Bearer é",
        ):
            assert send(intake.url, EVENT, Authorization=wrong).status == 401
        assert send(intake.url, EVENT, Authorization=f"bearer {SHOP}").status == 202
        forbidden = send(intake.url, EVENT, Authorization=f"Bearer {DESK}")
        assert (forbidden.status, forbidden.document["errors"][0]["field"]) == (403, "type")
        ticket = {**answer(), "type": "cx.ticket.handoff.v1", "data": {"ticket_id": "t-1"}}
        assert send(intake.url, json.dumps(ticket), Authorization=f"Bearer {DESK}").status == 202
        assert send(intake.url, "", method="GET", path="/metrics").status == 200
        assert len(intake.sink.records) == 2
        counted = [
            intake.count(*labels)
            for labels in (("unknown", "unauthorized"), ("shop", "accepted"), ("desk", "forbidden"))
        ]
        assert counted == [6, 1, 1]


def test_a_request_without_a_token_is_not_read() -> None:
    """Its body may be as long as it likes."""
    with running_intake(tokens=TOKENS) as intake:
        assert send(intake.url, b"a" * 5_000_000).status == 401
        assert intake.metrics.registry.get_sample_value("cxgauge_intake_bytes_total") == 0


def test_passwords_of_the_web_config() -> None:
    """They open everything. With tokens both are accepted for events."""
    with running_intake(WebConfig(users=USERS), tokens=TOKENS) as intake:
        assert send(intake.url, EVENT, Authorization=basic("ada:secret")).status == 202
        assert send(intake.url, EVENT, Authorization=basic("ada:wrong")).status == 401
        assert send(intake.url, EVENT, Authorization=f"Bearer {SHOP}").status == 202
        for path in ("/metrics", "/livez", "/readyz"):
            assert send(intake.url, "", method="GET", path=path).status == 401
            allowed = send(intake.url, "", method="GET", path=path, Authorization=basic("ada:secret"))
            assert allowed.status == 200
        assert intake.count("ada", "accepted") == 1
    with running_intake(WebConfig(users=USERS)) as intake:
        assert send(intake.url, EVENT).headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("limit", ["MAX_WAITING", "MAX_WAITING_OF_ADDRESS"])
def test_too_many_passwords_are_tried_later(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(auth, limit, 0)
    hook = Hook(mapping="stripe", verify="basic", users={"ada": USERS["ada"].decode()})
    status = {"MAX_WAITING": 503, "MAX_WAITING_OF_ADDRESS": 429}[limit]
    with running_intake(WebConfig(users=USERS), hooks={"desk": hook}) as intake:
        for method, path in (("POST", "/v1/events"), ("POST", "/v1/hooks/desk"), ("GET", "/readyz")):
            response = send(intake.url, EVENT, method=method, path=path, Authorization=basic("ada:secret"))
            assert (response.status, response.headers.get("retry-after")) == (status, "1")
        assert intake.count("unknown", "unauthorized") == intake.count("desk", "unauthorized") == 1


def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    (tmp_path / "web.yml").write_text(
        yaml.safe_dump({"tls_server_config": {"cert_file": "both.pem", "key_file": "both.pem"}})
    )
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with running_intake(read(tmp_path / "web.yml", "intake")) as intake:
        connection = HTTPSConnection("127.0.0.1", intake.settings.listen.port, context=context)
        connection.request("POST", "/v1/events", EVENT, {"Content-Type": STRUCTURED})
        assert connection.getresponse().status == 202
        connection.close()
    with pytest.raises(ConfigError, match=r"^intake\.web_config: "):
        read(tmp_path / "both.pem", "intake")


def test_on_loopback_other_names_are_refused() -> None:
    with running_intake(hosts=("cx.example.org",)) as intake:
        refused = send(intake.url, EVENT, Host="evil.example")
        assert (refused.status, refused.headers["content-type"]) == (421, "application/problem+json")
        assert "intake.hosts" in refused.document["detail"]
        assert send(intake.url, EVENT, Host="cx.example.org").status == 202
        assert send(intake.url, EVENT, Host="localhost:1").status == 202


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "cx.example.org"])  # noqa: S104
def test_beyond_loopback_somebody_must_be_known(host: str) -> None:
    def settings(**values: object) -> Settings:
        return Settings(intake=Intake(listen=Address(host, 9816), **values))  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=r"intake\.listen: got .* allowed is an address of the loopback"):
        refuse_open_listener(settings(), WebConfig(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))
    refuse_open_listener(settings(tokens=TOKENS), WebConfig())
    refuse_open_listener(settings(), WebConfig(users=USERS))
    clients = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    clients.verify_mode = ssl.CERT_REQUIRED
    refuse_open_listener(settings(), WebConfig(tls=clients))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_nobody_need_be_known(host: str) -> None:
    refuse_open_listener(Settings(intake=Intake(listen=Address(host, 9816))), WebConfig())


def test_the_command_makes_a_token_whose_hash_is_a_setting(tmp_path: Path) -> None:
    output = CliRunner().invoke(main, ["intake", "token", "shop"]).output
    (token,) = (line.strip() for line in output.splitlines() if line.strip().startswith("cxg_"))
    config = tmp_path / "cxgauge.toml"
    config.write_text(output.partition("configuration:")[2].replace("    ", ""))
    assert load(config, {}).intake.tokens["shop"].sha256 == token_hash(token)


def test_a_request_that_is_sent_slowly_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is free afterwards."""
    monkeypatch.setattr("stream.intake.bodies.BODY_TIMEOUT", 0.2)
    with running_intake() as intake:
        began = time.monotonic()
        response = send(intake.url, "{", Content_Length="1000")
        assert response.status == 408
        assert time.monotonic() - began < 5
        assert intake.budget.reserved == 0
        assert intake.count("anonymous", "timeout") == 1
