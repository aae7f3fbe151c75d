"""Events from the JavaScript SDK of CloudEvents."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.intake.running import RunningIntake
from tests.npm import node_modules

pytestmark = pytest.mark.tools

PROJECT = Path(__file__).with_name("javascript")


@pytest.fixture(scope="module")
def packages(require: Callable[[str], Path]) -> Path:
    """The folder of the packages, which npm fetches once as the lock file says."""
    return node_modules(require("npm"), PROJECT)


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_the_sdk_sends_an_event(intake: RunningIntake, packages: Path, mode: str) -> None:
    command = ["node", PROJECT / "send.cjs", f"{intake.url}/v1/events", mode]
    result = subprocess.run(
        command, env={**os.environ, "NODE_PATH": str(packages)}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"accepted": 1, "rejected": 0}
    (stored,) = intake.sink.events()
    assert (stored["id"], stored["source"]) == ("a-1", "/shop/survey")
    assert stored["data"]["comment"] == "schön 😀"
