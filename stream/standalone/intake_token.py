"""The token of the intake, made at the first start and kept in the data folder."""

import json
import os
from pathlib import Path

from stream.config import Settings
from stream.intake.grants import make_token, token_hash

FILE = "intake.token"
SOURCE = "local"


def needs_token(settings: Settings) -> bool:
    """Return whether nothing in the configuration says who may send events."""
    return not settings.intake.tokens and settings.intake.web_config is None


def token_setting(data: Path) -> dict[str, str]:
    """Return the environment variable with the hash of the token in the data folder. Make the token if there is none."""
    path = data / FILE
    if not path.exists():
        incomplete = data / f"{FILE}.new"
        incomplete.unlink(missing_ok=True)
        with os.fdopen(os.open(incomplete, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make_token())
        incomplete.replace(path)
    token = path.read_text(encoding="utf-8").strip()
    return {"CXGAUGE_INTAKE_TOKENS": json.dumps({SOURCE: {"sha256": token_hash(token)}})}
