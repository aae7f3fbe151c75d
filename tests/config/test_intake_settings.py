"""Settings of tokens and webhooks."""

import json
from pathlib import Path
from typing import Any

import pytest

from stream.config import as_toml, load, redacted
from stream.config.intake_settings import Hook, SourceToken
from stream.errors import ConfigError

HASH = "a" * 64
BCRYPT = "$2b$04$" + "a" * 53


def loaded(tmp_path: Path, text: str) -> Any:
    """Return the intake's settings in a file."""
    (tmp_path / "shop.toml").write_text("")
    (tmp_path / "cxgauge.toml").write_text(text)
    return load(tmp_path / "cxgauge.toml", {}).intake


def test_tokens(tmp_path: Path) -> None:
    text = f'[intake.tokens.shop]\nsha256 = "{HASH}"\ntopics = ["feedback"]\ntypes = ["cx.feedback.submitted.v1"]\n'
    token = SourceToken(sha256=HASH, topics=("feedback",), types=("cx.feedback.submitted.v1",))
    assert loaded(tmp_path, text).tokens == {"shop": token}
    variables = {"CXGAUGE_INTAKE_TOKENS": json.dumps({"shop": {"sha256": HASH}})}
    assert load(None, variables).intake.tokens["shop"].topics == ("feedback", "tickets", "customers")


def test_hooks(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("second\n")
    hooks = loaded(
        tmp_path,
        """
        [intake.hooks.shop]
        mapping = "shop.toml"
        verify = "hmac"
        secrets = ["first"]
        secret_files = ["secret"]
        header = "X-Signature"
        timestamp_header = "X-Time"
        signed = "{timestamp}.{body}"
        tolerance = "1m"
        [intake.hooks.pay]
        mapping = "stripe"
        verify = "stripe"
        secrets = ["whsec_1"]
        """,
    ).hooks
    assert hooks == {
        "shop": Hook(
            mapping=str(tmp_path / "shop.toml"),
            verify="hmac",
            secrets=("first", "second"),
            header="X-Signature",
            timestamp_header="X-Time",
            signed="{timestamp}.{body}",
            tolerance=60_000,
        ),
        "pay": Hook(mapping="stripe", verify="stripe", secrets=("whsec_1",)),
    }


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "cxgauge.toml").write_text(
        f"""
        [intake.hooks.a]
        mapping = "x"
        verify = "stripe"
        secrets = ["TOP"]
        challenge_token = "TOP"
        [intake.hooks.b]
        mapping = "x"
        verify = "basic"
        users = {{ada = "{BCRYPT}"}}
        """
    )
    shown = as_toml(redacted(load(tmp_path / "cxgauge.toml", {})))
    assert "TOP" not in shown
    assert BCRYPT not in shown
    assert "ada" in shown


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[intake]\ntokens = 5", "intake.tokens: got int, allowed is a table of tables"),
        ("[intake.tokens.shop]", "intake.tokens.shop.sha256: missing"),
        ("[intake.tokens]\nshop = 5", "intake.tokens.shop: got int, allowed is a table"),
        ('[intake.tokens."a b"]\nsha256 = "x"', "intake.tokens.a b: got 'a b', allowed is a name"),
        ('[intake.tokens.shop]\nsha256 = "cxg_secret"', "intake.tokens.shop.sha256: got '***', allowed is"),
        (f'[intake.tokens.shop]\nsha256 = "{HASH}"\ntopics = []', "intake.tokens.shop.topics: got []"),
        (f'[intake.tokens.shop]\nsha256 = "{HASH}"\ntypes = ["x"]', "intake.tokens.shop.types: got ['x']"),
        (
            f'[intake.tokens.shop]\nsha256 = "{HASH}"\ntypes = ["cx.answer.summarized.v1"]',
            "intake.tokens.shop.types: got ['cx.answer.summarized.v1']",
        ),
        (f'[intake.tokens.shop]\nsha256 = "{HASH}"\ntoken = "x"', "intake.tokens.shop.token: unknown key"),
        ('[intake.hooks.a]\nmapping = "x"', "intake.hooks.a.verify: missing"),
        ('[intake.hooks.a]\nmapping = "no.toml"\nverify = "basic"', "intake.hooks.a.mapping: got 'no.toml'"),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "none"',
            "intake.hooks.a.verify: got 'none', allowed is one of",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "hmac"\nsecrets = ["s"]',
            "intake.hooks.a.header: missing, required",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "stripe"\nsecrets = "s"',
            "intake.hooks.a.secrets: got '***'",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "stripe"\nsecrets = [""]',
            "intake.hooks.a.secrets.0: got '***'",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "basic"\nusers = {a = "pw"}',
            "intake.hooks.a.users.a: got '***'",
        ),
        (
            f'[intake.hooks.a]\nmapping = "x"\nverify = "basic"\nusers = {{a = "{BCRYPT.replace("04", "31")}"}}',
            "intake.hooks.a.users.a: got '***', allowed is a bcrypt hash of cost 4 to 16",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "hmac"\nsecrets = ["s"]\nheader = "x"\nsigned = "{timestamp}.{body}"',
            "intake.hooks.a.signed: got '{timestamp}.{body}', allowed is",
        ),
        (
            f'[intake.hooks.a]\nmapping = "x"\nverify = "token"\nsha256 = ["{HASH}"]',
            "intake.hooks.a: verify = 'token' needs either header or query",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "stripe"\nsecret_files = ["no"]',
            "intake.hooks.a.secret_files: got '***', allowed is the path of a text file, relative to",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "stripe"\nsecret_files = "pw"',
            "intake.hooks.a.secret_files: got '***'",
        ),
        (  # not three secrets of a character
            '[intake.hooks.a]\nmapping = "x"\nverify = "stripe"\nsecrets = "abc"\nsecret_files = []',
            "intake.hooks.a.secrets: got '***'",
        ),
        (
            '[intake.hooks.a]\nmapping = "x"\nverify = "stripe"\nsecrets = 5\nsecret_files = []',
            "intake.hooks.a.secrets: got '***'",
        ),
    ],
)
def test_an_error_names_key_and_allowed_values(tmp_path: Path, text: str, error: str) -> None:
    """A secret in the wrong place is not shown."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize("files", ['["no"]', '"pw"'])
def test_an_unreadable_secret_is_one_error(tmp_path: Path, files: str) -> None:
    """It is not reported as missing, too."""
    text = f'[intake.hooks.a]\nmapping = "stripe"\nverify = "stripe"\nsecret_files = {files}'
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    assert [line.partition(":")[0] for line in str(error.value).splitlines()] == [
        "intake.hooks.a.secret_files"
    ]
