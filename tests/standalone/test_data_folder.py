"""The folder of `cxgauge up`."""

import subprocess
import sys
from pathlib import Path

import pytest

from stream.errors import CxgaugeError, PreconditionFailed
from stream.standalone.data_folder import default_folder, locked

HOLD = "import sys; from pathlib import Path; from stream.standalone.data_folder import locked\nwith locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """It is made with its parents."""
    with locked(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    """However that ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            PreconditionFailed, match=rf"in use by another `cxgauge up` \(process {holder.pid}\)"
        ):
            locked(tmp_path).__enter__()
        holder.kill()
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the option that chooses another one."""
    (tmp_path / "file").touch()
    with pytest.raises(
        CxgaugeError, match=r"file/x: cannot be written: Not a directory; choose another one with --data"
    ):
        locked(tmp_path / "file" / "x").__enter__()


def test_the_default_is_in_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path in XDG_DATA_HOME is invalid by its specification."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_folder() == tmp_path / ".local" / "share" / "cxgauge"
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert default_folder() == Path("/elsewhere/cxgauge")
