"""The wheel of the server in an environment of its own, outside of any checkout: every command runs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream import deployment
from stream.devbroker.http import get
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child
from tests.deploy.project import ROOT

pytestmark = pytest.mark.fresh

COMMANDS = re.findall(
    r"^## cxgauge ?(.*)$", (ROOT / "deploy/docs/commands.md").read_text(encoding="utf-8"), flags=re.MULTILINE
)
ANSWER = {
    "specversion": "1.0",
    "type": "cx.feedback.submitted.v1",
    "source": "/test",
    "id": "1",
    "data": {"feedback_id": "r-1", "survey": "nps", "score": 9},
}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def cxgauge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the wheel, installed with all that it depends on."""
    folder = tmp_path_factory.mktemp("server")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, f"{wheel}[broker]"], check=True, capture_output=True)
    return folder / "venv" / "bin" / "cxgauge"


@pytest.fixture
def run(cxgauge: Path, tmp_path: Path) -> Run:
    """Run the program in an empty folder."""

    def run(*arguments: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            [cxgauge, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, **options
        )

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(run: Run, command: str) -> None:
    completed = run(*command.split(), "--help")
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.startswith(f"Usage: {' '.join(['cxgauge', *command.split()])} ")


def test_the_code_is_the_installed(cxgauge: Path) -> None:
    command = [
        cxgauge.with_name("python"),
        "-c",
        "import schemas, stream; print(stream.__file__, schemas.__file__)",
    ]
    paths = subprocess.run(command, cwd="/", check=True, capture_output=True, text=True).stdout.split()
    assert [Path(path).is_relative_to(cxgauge.parents[1]) for path in paths] == [True, True]


def test_the_wheel_has_the_deployment_files_of_the_checkout(run: Run, tmp_path: Path) -> None:
    """Into a new folder only, so that nobody's own changes are overwritten."""
    completed = run("deploy", "export", "here")
    assert completed.returncode == 0, completed.stderr
    expected = {Path(name) for name in deployment.NAMES if (ROOT / "deploy" / name).is_file()} | {
        Path(folder, file).relative_to(ROOT / "deploy")
        for name in deployment.NAMES
        for folder, _, files in os.walk(ROOT / "deploy" / name, followlinks=True)  # the chart has links
        for file in files
    }
    here = tmp_path / "here"
    assert {path.relative_to(here) for path in here.rglob("*") if path.is_file()} == expected
    for path in expected:
        text, links = (here / path).read_bytes(), re.compile(rb"\]\(([^)#:]+)")
        if path.parts[0] == "docs":  # links to the rest of a checkout are text here
            assert [
                link for link in links.findall(text) if not (here / "docs" / link.decode()).exists()
            ] == []
        else:
            assert text == (ROOT / "deploy" / path).read_bytes()
    repeated = run("deploy", "export", "here")
    assert (repeated.returncode, repeated.stdout) == (1, "")
    assert repeated.stderr == "Error: here: expected a new or empty directory; choose another one\n"


def test_commands_that_need_no_broker(run: Run) -> None:
    assert "NPS" in run("explain", "nps").stdout
    assert "bootstrap_servers" in run("--print-config").stdout
    assert run("--check-config").returncode == 0
    generate = run("generate", "--check")
    assert generate.returncode != 0
    assert "run the command in the project's root folder" in generate.stderr


@pytest.mark.kafka
def test_from_topics_to_a_figure(cxgauge: Path, run: Run, environ: dict[str, str], tmp_path: Path) -> None:
    worker_port, exporter_port = free_port(), free_port()
    env = environ | {
        "PATH": "/usr/bin:/bin",
        "CXGAUGE_WORKER_LISTEN": f"127.0.0.1:{worker_port}",
        "CXGAUGE_EXPORTER_LISTEN": f"127.0.0.1:{exporter_port}",
    }
    assert run("topics", "create", env=env).returncode == 0
    assert run("topics", "check", env=env).returncode == 0
    published = run(
        "publish", "-", env=env, input=json.dumps(ANSWER | {"time": datetime.now(UTC).isoformat()})
    )
    assert published.returncode == 0, published.stderr
    with (
        Child("worker", [cxgauge, "worker"], log=tmp_path / "worker.log", env=env) as worker,
        Child("exporter", [cxgauge, "exporter"], log=tmp_path / "exporter.log", env=env) as exporter,
    ):
        worker.wait_until(lambda: get(worker_port, "/readyz").status == 200)
        sample = 'cx_nps_responses{view="total",window="1h",category="promoter"} 1'
        exporter.wait_until(lambda: sample in get(exporter_port, "/metrics").text)
        doctor = run("doctor", env=env)
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        assert run("deadletter", "ls", env=env).returncode == 0
