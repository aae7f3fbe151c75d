"""Temporary folders of processes that end, live and were killed."""

import tempfile
from pathlib import Path

import pytest

from stream.devbroker.temporary import LOCK, temporary_folder


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary folders."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_ends_with_its_block(base: Path) -> None:
    with temporary_folder("demo") as folder:
        (folder / "data").mkdir()
        assert folder.parent == base
        assert folder.name.startswith("cxgauge-demo-")
    assert list(base.iterdir()) == []


def test_only_abandoned_folders_are_removed(base: Path) -> None:
    """Not those of processes that live, nor what was not made here."""
    abandoned = base / "cxgauge-broker-killed"
    for folder in (abandoned / "data", base / "cxgauge-other", base / "other"):
        folder.mkdir(parents=True)
    for folder in (abandoned, base / "other"):
        (folder / LOCK).touch()
    with temporary_folder("broker") as living, temporary_folder("demo") as folder:
        assert {path.name for path in base.iterdir()} == {"cxgauge-other", "other", living.name, folder.name}
