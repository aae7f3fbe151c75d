"""The project's folder, and what its files say in YAML."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def document(path: str) -> Any:
    """The only YAML document of a file."""
    return yaml.safe_load((ROOT / path).read_text())
