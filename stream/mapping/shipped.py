"""Mappings that ship with the package: files beside this module, usable by their names."""

from pathlib import Path

from stream.errors import CxgaugeError

FOLDER = Path(__file__).parent / "vendors"


def names() -> list[str]:
    """Return the names of all shipped mappings, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def resolve(path: Path | str) -> Path:
    """Return the path of a mapping file, or of the shipped mapping of this name. Raises CxgaugeError if there is neither."""
    file = Path(path)
    if file.is_file():
        return file
    if str(path) in names():
        return FOLDER / f"{path}.toml"
    raise CxgaugeError(
        f"{path}: no such file, and no mapping that ships with cxgauge: {', '.join(names()) or 'none'}"
    )
