"""deploy/Dockerfile, as far as it can be checked without Docker: by its linter, and by doing what it does."""

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
    """The Dockerfile's instructions, split into words."""
    for line in DOCKERFILE.read_text().replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            yield shlex.split(line)


def copied() -> list[str]:
    """What is copied from the project."""
    copies = [words[1:-1] for words in instructions() if words[0] == "COPY"]
    return [source for sources in copies if not sources[0].startswith("--from") for source in sources]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from nothing but what the image's first stage copies."""
    folder = tmp_path_factory.mktemp("image")
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / source).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, folder / source)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint comes for Linux on x86-64 only")
def test_hadolint_finds_nothing() -> None:
    """Neither in style nor in what its shell does."""
    checked = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_what_is_copied_is_there_and_not_ignored() -> None:
    """`.dockerignore` leaves out everything but that."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied())
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_one_base_of_an_exact_version_and_no_root() -> None:
    """Of both stages; a health check of its own; what is begun is cxgauge."""
    words = list(instructions())
    bases = {line[1] for line in words if line[0] == "FROM"}
    assert len(bases) == 1
    assert all(part.isdecimal() for part in bases.pop().partition(":")[2].partition("-")[0].split("."))
    users = [line[1] for line in words if line[0] == "USER"]
    assert int(users[-1].partition(":")[0]) > 0
    assert ["ENTRYPOINT", "[cxgauge]"] in words
    assert any(line[0] == "HEALTHCHECK" for line in words)
    defaults = load(None, {})
    exposed = next(line[1:] for line in words if line[0] == "EXPOSE")
    assert exposed == [str(defaults.exporter.listen.port), str(defaults.worker.listen.port)]


def test_the_wheel_holds_everything(wheel: Path) -> None:
    """Every file of the packages, not only Python's, so that an installed exporter has what it serves.

    What belongs to the client's distribution alone is left out. The deployment files are held by `tests/package`.
    """
    packed = {name for name in ZipFile(wheel).namelist() if name.startswith(("stream/", "schemas/"))}
    kept = {
        str(path.relative_to(ROOT))
        for package in ("stream", "schemas")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in packed if not name.startswith("stream/deploy/")} == kept - {
        "schemas/LICENSE",
        "schemas/pyproject.toml",
    }


def test_the_wheel_asks_for_every_decoder(wheel: Path) -> None:
    """Kafka's client has them as extras only: what pip installs for the image must name them."""
    with ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        wanted = [
            Requirement(one)
            for one in Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist")
        ]
    assert {"lz4", "snappy", "zstd"} <= next(one.extras for one in wanted if one.name == "aiokafka")


def test_the_wheel_runs_by_itself(wheel: Path, tmp_path: Path) -> None:
    """Every command can say what it does, from a folder that has nothing of the project."""
    ZipFile(wheel).extractall(tmp_path)
    script = (
        "import stream.cli as cli, stream.exporter.service, stream.worker.service\n"
        f"assert cli.__file__.startswith({str(tmp_path)!r})\n"
        "[cli.main([name, '--help'], standalone_mode=False) for name in cli.COMMANDS]\n"
        "cli.main(['--check-config'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The configuration is valid" in done.stdout
