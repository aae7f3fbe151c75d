"""The project's folder, and its YAML files."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def document(path: str) -> Any:
    """Return the only YAML document of a file."""
    return yaml.safe_load((ROOT / path).read_text())
