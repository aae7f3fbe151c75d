"""The cache of fetched programs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache folder: `$XDG_CACHE_HOME/cxgauge`, else `~/.cache/cxgauge`."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "cxgauge"
