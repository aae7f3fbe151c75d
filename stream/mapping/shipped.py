"""Mappings that ship with the package: files beside this module, usable by their names."""

from os.path import isfile
from pathlib import Path

from schemas.fields import abbreviated
from stream.errors import CxgaugeError

FOLDER = Path(__file__).parent / "vendors"


def names() -> list[str]:
    """Return the names of all shipped mappings, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def title(name: str) -> str:
    """Return the title of a shipped mapping, which is its first line."""
    with (FOLDER / f"{name}.toml").open(encoding="utf-8") as lines:
        return lines.readline().removeprefix("#").strip()


def resolve(path: Path | str) -> Path:
    """Return the path of a mapping file, or of the shipped mapping of this name. Raises CxgaugeError if there is neither."""
    file = Path(path)
    if isfile(file):  # noqa: PTH113 - False for a name that no file can have
        return file
    if str(path) in names():
        return FOLDER / f"{path}.toml"
    raise CxgaugeError(
        f"{abbreviated(str(path))[1:-1]}: is no file, and no mapping that ships with cxgauge: {', '.join(names()) or 'none'}"
    )
