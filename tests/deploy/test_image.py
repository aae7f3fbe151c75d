"""deploy/Dockerfile, checked without Docker: by its linter, and by doing its steps."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from stream.config import load
from tests.deploy.project import ROOT

pytestmark = pytest.mark.fresh

DOCKERFILE = ROOT / "deploy/Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def instructions() -> Iterator[list[str]]:
    """Yield the instructions of the Dockerfile, split into words."""
    for line in DOCKERFILE.read_text().replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            yield shlex.split(line)


def copied_paths() -> list[str]:
    """Return the paths that are copied from the project."""
    copies = [words[1:-1] for words in instructions() if words[0] == "COPY"]
    return [source for sources in copies if not sources[0].startswith("--from") for source in sources]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from the files that the image's first stage copies."""
    folder = tmp_path_factory.mktemp("image")
    for source in copied_paths():
        if (ROOT / source).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, folder / source, ignore=ignore, dirs_exist_ok=True)
        else:
            (folder / source).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, folder / source)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (wheel_path,) = (folder / "dist").glob("*.whl")
    return wheel_path


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint comes for Linux on x86-64 only")
def test_hadolint_reports_nothing() -> None:
    """Neither for style nor for the shell commands."""
    result = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_copied_files_exist_and_are_not_ignored() -> None:
    """`.dockerignore` leaves out everything but that."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    copied = set(copied_paths())
    outermost = {source for source in copied if not copied & set(map(str, Path(source).parents))}
    assert {line[1:] for line in ignored if line.startswith("!")} == outermost
    assert [source for source in copied_paths() if not (ROOT / source).exists()] == []


def test_the_image_has_one_exact_base_and_no_root() -> None:
    """Both stages have one exact base. The image has a health check and the entry point cxgauge."""
    words = list(instructions())
    bases = {line[1] for line in words if line[0] == "FROM"}
    assert len(bases) == 1
    assert all(part.isdecimal() for part in bases.pop().partition(":")[2].partition("-")[0].split("."))
    assert not DOCKERFILE.read_text().startswith("# syntax"), "a frontend would be fetched from a hub"
    last = words[max(n for n, line in enumerate(words) if line[0] == "FROM") :]
    assert [line for line in last if {"apt-get", "install", "gcc"} & set(line)] == []
    assert [line[1] for line in last if line[0] == "COPY"] == ["--from=build"], "modes of a clone"
    users = [line[1] for line in words if line[0] == "USER"]
    assert int(users[-1].partition(":")[0]) > 0
    assert ["ENTRYPOINT", "[cxgauge]"] in words
    assert any(line[0] == "HEALTHCHECK" for line in words)
    defaults = load(None, {})
    exposed = next(line[1:] for line in words if line[0] == "EXPOSE")
    services = (defaults.intake, defaults.exporter, defaults.worker)
    assert exposed == [str(service.listen.port) for service in services]


def test_the_wheel_contains_every_file(wheel: Path) -> None:
    """Every file of the packages is included, not only Python's.

    The files of the client's distribution are left out. `tests/package` checks the deployment files.
    """
    actual = {name for name in ZipFile(wheel).namelist() if name.startswith(("stream/", "schemas/"))}
    expected = {
        str(path.relative_to(ROOT))
        for package in ("stream", "schemas")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in actual if not name.startswith("stream/deploy/")} == expected - {
        "schemas/LICENSE",
        "schemas/pyproject.toml",
    }


def test_the_wheel_requires_every_decoder(wheel: Path) -> None:
    """They are extras of Kafka's client, so the wheel must require them."""
    with ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requirements = [
            Requirement(requirement)
            for requirement in Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist")
        ]
    assert {"lz4", "snappy", "zstd"} <= next(
        requirement.extras for requirement in requirements if requirement.name == "aiokafka"
    )


def test_the_wheel_runs_outside_of_the_project(wheel: Path, tmp_path: Path) -> None:
    """Every command prints its help outside of the project's folder."""
    ZipFile(wheel).extractall(tmp_path)
    script = (
        "import stream.cli as cli, stream.exporter.service, stream.worker.service\n"
        f"assert cli.__file__.startswith({str(tmp_path)!r})\n"
        "[cli.main([name, '--help'], standalone_mode=False) for name in cli.COMMANDS]\n"
        "cli.main(['--check-config'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "The configuration is valid" in result.stdout
