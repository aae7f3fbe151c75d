"""The first stage of deploy/Dockerfile, done without Docker, and its dependencies for arm64. Both ask the package index."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.project import ROOT
from tests.deploy.test_image import copied_paths, instructions

PURE = "faust-streaming"
"""The package that has no wheel for arm64."""


def clone_with_umask_077(folder: Path) -> None:
    """Copy what the stage copies, readable by its owner only."""
    for source in copied_paths():
        target = folder / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, target, ignore=ignore, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / source, target)
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def first_stage() -> list[str]:
    """Return the shell commands of the RUN instructions before the second FROM."""
    words = list(instructions())
    second = [n for n, line in enumerate(words) if line[0] == "FROM"][1]
    text = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    runs = [line.removeprefix("RUN ") for line in text.splitlines() if line.startswith("RUN ")]
    return runs[: sum(line[0] == "RUN" for line in words[:second])]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder /opt/cxgauge after the first stage, for a machine that says it is of arm64, so without compiled Faust."""
    folder = tmp_path_factory.mktemp("stage")
    (folder / "src").mkdir()
    clone_with_umask_077(folder / "src")
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    shim = folder / "python/bin/uname"
    shim.write_text("#!/bin/sh\necho aarch64\n")
    shim.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}/python/bin:{os.environ['PATH']}", "CC": "/bin/false"}
    for written in first_stage():
        command = re.sub(
            r"(?<=\s)/(?:opt/(?=cxgauge))?(wheels|cxgauge)\b", rf"{shlex.quote(str(folder))}/\1", written
        )
        done = subprocess.run(
            ["sh", "-euc", command],
            cwd=folder / "src",
            env=env,
            umask=0o077,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "cxgauge"


def test_everybody_can_read_the_files(built: Path) -> None:
    """The user of the image is neither the owner nor in the group. Nobody else can write."""
    readable = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
    assert (built / "healthcheck.py").is_file()
    for path in [built, *built.rglob("*")]:
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        wanted = readable | (stat.S_IXOTH if path.is_dir() else 0)
        assert mode & wanted == wanted, path
        assert mode & (stat.S_IWGRP | stat.S_IWOTH) == 0, path
    assert (built / "bin/cxgauge").stat().st_mode & stat.S_IXOTH


def test_faust_is_pure_where_it_has_no_wheel(built: Path) -> None:
    """It starts, and contains no compiled part. The other packages do."""
    assert list(built.glob("lib/*/site-packages/faust/**/*.so")) == []
    assert list(built.glob("lib/*/site-packages/orjson/*.so"))
    script = "import stream.worker.service, stream.exporter.service, stream.intake.service"
    subprocess.run([built / "bin/python", "-P", "-c", script], cwd=built, check=True)
    assert subprocess.check_output([built / "bin/cxgauge", "--version"], text=True).startswith("cxgauge ")


def test_the_program_has_only_locked_packages(built: Path) -> None:
    """Nothing that builds packages is in it."""
    command = [
        built / "bin/python",
        "-c",
        "import importlib.metadata as m; print(*(d.name for d in m.distributions()))",
    ]
    names = set(subprocess.check_output(command, text=True).lower().replace("_", "-").split())
    lock = (ROOT / "deploy/image.lock").read_text()
    assert names - {"cxgauge"} <= set(re.findall(r"^([a-z0-9.-]+)==", lock, flags=re.MULTILINE))
    assert names.isdisjoint({"pip", "setuptools", "wheel", "hatchling"})


@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
def test_every_dependency_has_a_wheel(machine: str, tmp_path: Path) -> None:
    """For the Python and the Linux of the base image, with the hashes of the lock, except for Faust on arm64."""
    base = next(line[1] for line in instructions() if line[0] == "FROM")
    version = re.search(r":(\d+\.\d+)\.", base)
    assert version
    text = (ROOT / "deploy/image.lock").read_text()
    if machine == "aarch64":
        text = re.sub(rf"^{PURE}==.*?\n(?=[a-z])", "", text, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "lock").write_text(text)
    platforms = [f"--platform=manylinux_2_{glibc}_{machine}" for glibc in (28, 17)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
    ]
    command += [
        *platforms,
        f"--python-version={version[1]}",
        f"--dest={tmp_path}",
        "-r",
        str(tmp_path / "lock"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob(f"*{machine}.whl"))) > 5
