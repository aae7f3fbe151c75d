"""The files of `deploy/`, which a checkout has beside the package and an installation has within it."""

import shutil
from pathlib import Path

from stream.errors import PreconditionFailed

NAMES = (
    "alertmanager",
    "cxgauge.toml",
    "docs",
    "examples",
    "grafana",
    "kubernetes",
    "prometheus",
    "runbooks",
)
"""Files and folders that a wheel contains. The rest of `deploy/` is for building from a checkout."""
_INSTALLED = Path(__file__).parent / "deploy"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "deploy"


def write(directory: Path) -> list[Path]:
    """Copy the files to a new or empty directory and return their paths.

    Raises PreconditionFailed if the directory contains anything, so that edited files are never overwritten.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PreconditionFailed(f"{directory}: expected a new or empty directory; choose another one")
    for name in NAMES:
        source, target = FOLDER / name, directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return sorted(path for path in directory.rglob("*") if path.is_file())
