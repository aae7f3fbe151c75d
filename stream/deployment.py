"""The files of `deploy/`. A checkout has them beside the package, an installation inside it."""

import re
import shutil
from pathlib import Path

from stream.errors import CxgaugeError

NAMES = (
    "alertmanager",
    "cxgauge.toml",
    "docs",
    "examples",
    "grafana",
    "helm",
    "kubernetes",
    "prometheus",
    "runbooks",
    "systemd",
)
"""Files and folders that a wheel contains. The rest of `deploy/` is for building from a checkout."""
_INSTALLED = Path(__file__).parent / "deploy"
_OUTWARD_LINK = re.compile(r"\[([^\]]*)\]\(\.\./\.\./[^)]*\)")
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "deploy"


def write(directory: Path) -> list[Path]:
    """Copy the files to a new or empty directory and return their paths.

    Links of the pages to other parts of a checkout become plain text. Raises CxgaugeError if the directory cannot be written,
    or if it contains anything, so that edited files are never overwritten.
    """
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise CxgaugeError(f"{directory}: expected a new or empty directory; choose another one")
        directory.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            source, target = FOLDER / name, directory / name
            if source.is_dir():
                # pip compiles the example in Python
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        for page in (directory / "docs").glob("*.md"):
            page.write_text(_OUTWARD_LINK.sub(r"\1", page.read_text(encoding="utf-8")), encoding="utf-8")
    except (OSError, shutil.Error) as error:
        raise CxgaugeError(f"{directory}: cannot be written: {error}; choose another one") from error
    return sorted(path for path in directory.rglob("*") if path.is_file())
