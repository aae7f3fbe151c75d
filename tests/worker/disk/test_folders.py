"""Folders of workers: one process has each, and only its holder removes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.errors import ConfigError, PreconditionFailed
from stream.worker.disk import folders
from stream.worker.disk.folders import claim

INSTALLATION = ("cluster", "group", "cx")
NOW = 1_790_000_000.0


def make(path: Path, age: float) -> Path:
    """Make a partition's folder whose file was last written `age` seconds ago."""
    path.mkdir(parents=True)
    (path / "CURRENT").touch()
    os.utime(path / "CURRENT", (NOW - age, NOW - age))
    return path


def test_workers_without_an_instance_have_the_lowest_free_numbers(tmp_path: Path) -> None:
    """A number is free again when its process ends."""
    first, second = claim(tmp_path, INSTALLATION, None), claim(tmp_path, INSTALLATION, None)
    assert (first.path.name, second.path.name) == ("worker-0", "worker-1")
    first.release()
    assert claim(tmp_path, INSTALLATION, None).path.name == "worker-0"
    assert claim(tmp_path, ("cluster", "group", "other"), None).path.name == "worker-0"


def test_a_process_that_is_killed_gives_its_folder_up(tmp_path: Path) -> None:
    """The operating system releases the lock."""
    code = (
        "import sys; from pathlib import Path; from stream.worker.disk.folders import claim\n"
        f"claim(Path({str(tmp_path)!r}), {INSTALLATION!r}, 'one'); print('locked', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "locked\n"
    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()
    assert claim(tmp_path, INSTALLATION, "one").path.name == "instance-one"


def test_two_workers_with_one_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits, then ends with a text that names the folder."""
    monkeypatch.setattr(folders, "LOCK_TIMEOUT", 0.1)
    claim(tmp_path, INSTALLATION, "one")
    with pytest.raises(
        PreconditionFailed, match=r"cx/instance-one is in use by another process\. Two workers"
    ):
        claim(tmp_path, INSTALLATION, "one")


@pytest.mark.parametrize("name", ["..", ".", "a/b", "%2E.", "cx"])
def test_names_do_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    """And different names have different folders."""
    path = claim(tmp_path, ("cluster", name, "cx"), "..").path
    assert len(path.resolve().relative_to(tmp_path.resolve()).parts) == 4
    assert path != claim(tmp_path, ("cluster", f"{name}.", "cx"), "..").path


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """It is an error of the configuration."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"worker\.state_dir: got '.*file'"):
        claim(tmp_path / "file", INSTALLATION, None)


def test_stale_folders_are_removed_unless_they_are_in_use(tmp_path: Path) -> None:
    """Those of this worker and of workers that are gone, but not those of living ones or of other installations."""
    claimed, living = claim(tmp_path, INSTALLATION, None), claim(tmp_path, INSTALLATION, None)
    gone = claim(tmp_path, INSTALLATION, "gone")
    gone.release()
    other = claim(tmp_path, ("cluster", "group", "other"), None)
    other.release()
    old, young = 3_660, 3_540
    stale = [make(folder.path / "feedback-0", old) for folder in (gone, claimed)]
    kept = [make(folder.path / "tickets-1", young) for folder in (claimed, gone)]
    kept += [make(folder.path / "feedback-2", old) for folder in (claimed, living, other)]
    assert claimed.remove_stale({claimed.path / "feedback-2"}, NOW - 3_600) == stale
    assert [path for path in stale if path.exists()] == []
    assert all(path.exists() for path in kept)


def test_a_folder_that_cannot_be_removed_is_not_kept_locked(tmp_path: Path) -> None:
    """A file lies where a database should be. The worker of that folder may start all the same."""
    claimed, gone = claim(tmp_path, INSTALLATION, "claimed"), claim(tmp_path, INSTALLATION, "gone")
    (gone.path / "file").touch()
    gone.release()
    with pytest.raises(NotADirectoryError):
        claimed.remove_stale((), NOW)
    assert claim(tmp_path, INSTALLATION, "gone").path == gone.path
