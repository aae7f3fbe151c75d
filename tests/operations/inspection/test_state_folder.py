"""What `cxgauge doctor` says about databases on this machine."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from stream.operations.inspection.state_folder import report


class Usage(NamedTuple):
    """As of `shutil.disk_usage`."""

    total: int
    used: int
    free: int


def make(state_dir: Path, size: int) -> None:
    """Make two databases of a worker, beside a lock file."""
    for name in ("feedback-0", "tickets-1"):
        folder = state_dir / "cluster" / "group" / "cx" / "worker-0" / name
        folder.mkdir(parents=True)
        (folder / "CURRENT").touch()
        (folder / "1.sst").write_bytes(bytes(size))
    (state_dir / "cluster" / "group" / "cx" / "worker-0.lock").touch()


@pytest.mark.parametrize(("free", "is_wrong"), [(20_000_000, False), (19_999_999, True)])
def test_size_and_free_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, *, is_wrong: bool
) -> None:
    """Something is wrong if less is free than the databases have."""
    make(tmp_path, 10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
    line, wrong = report(tmp_path)
    assert wrong == is_wrong
    assert line.startswith(f"{tmp_path}: 2 databases, 0.02 GB, 0.02 GB free")


def test_a_folder_of_another_machine(tmp_path: Path) -> None:
    """The doctor may run elsewhere."""
    assert report(tmp_path / "state") == (f"{tmp_path}/state: does not exist on this machine", False)
