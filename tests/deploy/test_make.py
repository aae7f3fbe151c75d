"""The Python that `make install` uses, with a fake PATH."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.project import ROOT

pytestmark = pytest.mark.fresh

SHIM = "exit 127"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; esac'
COMPLETE = """
if [ "$2" = venv ]; then mkdir -p .venv/bin; printf '#!/bin/sh\\ntouch .venv/from-%s\\n' "${0##*/}" > .venv/bin/python
chmod +x .venv/bin/python; fi
"""


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., tuple[int, list[str], str]]:
    """Run `make install` with these Pythons on PATH.

    Returns exit code, the Pythons that made .venv, and stderr.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in ("make", "sh", "mkdir", "touch", "chmod"):
        (programs / tool).symlink_to(shutil.which(tool) or f"{tool} is not installed")
    for file in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)

    def run(*arguments: str, **pythons: str) -> tuple[int, list[str], str]:
        for name, body in pythons.items():
            program = programs / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(0o755)
        environment = {"PATH": str(programs), "HOME": os.environ["HOME"]}
        result = subprocess.run(
            [programs / "make", "install", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        pythons_used = [path.name.removeprefix("from-") for path in tmp_path.glob(".venv/from-*")]
        return result.returncode, pythons_used, result.stderr

    return run


def test_the_newest_python_is_used(install: Callable[..., tuple[int, list[str], str]]) -> None:
    """Shims that do not run are passed over in silence."""
    result = install(
        python3=COMPLETE, python3_11=COMPLETE, python3_12=COMPLETE, python3_13=SHIM, python3_14=SHIM
    )
    assert result == (0, ["python3.12"], "")


def test_a_python_without_venv_is_skipped(install: Callable[..., tuple[int, list[str], str]]) -> None:
    """The message names the missing package."""
    code, pythons_used, error = install(python3=COMPLETE, python3_13=WITHOUT_VENV)
    assert (code, pythons_used) == (0, ["python3"])
    assert error == "python3.13 has no venv and is skipped (Debian has it in the package python3.13-venv)\n"


def test_a_missing_python_is_reported(install: Callable[..., tuple[int, list[str], str]]) -> None:
    """The error names the requirement and the variable."""
    code, pythons_used, error = install(python3=SHIM)
    assert (code, pythons_used) == (2, [])
    assert error.startswith("Python 3.11 or newer with venv is needed: make install PYTHON=/path/to/python\n")


def test_a_python_can_be_given(install: Callable[..., tuple[int, list[str], str]]) -> None:
    """The given Python is used as it is."""
    assert install("PYTHON=python3.11", python3_11=COMPLETE, python3_14=COMPLETE) == (0, ["python3.11"], "")
