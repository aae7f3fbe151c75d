"""Events from the JavaScript SDK of CloudEvents."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stream.devbroker.cache import cache_folder
from tests.intake.running import RunningIntake

pytestmark = pytest.mark.tools

PROJECT = Path(__file__).with_name("javascript")
LOCK = PROJECT / "package-lock.json"


@pytest.fixture(scope="module")
def packages(require: Callable[[str], Path]) -> Path:
    """The folder of the packages, which npm fetches once as the lock file says."""
    npm = require("npm")
    folder = cache_folder() / "npm" / sha256(LOCK.read_bytes()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as temporary:
            content = Path(temporary) / "content"
            content.mkdir()
            for name in ("package.json", LOCK.name):
                shutil.copy(PROJECT / name, content)
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            result = subprocess.run(command, cwd=content, capture_output=True, text=True, check=False)
            if result.returncode:
                reason = f"npm could not fetch the packages of {LOCK.name}: {result.stderr.strip()}"
                if os.environ.get("CX_TEST_REQUIRE_TOOLS") == "1":
                    pytest.fail(f"{reason} (CX_TEST_REQUIRE_TOOLS=1)")
                pytest.skip(reason)
            content.rename(folder)
    return folder / "node_modules"


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
