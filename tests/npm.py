"""Packages of npm for tests, fetched once as the lock file of a folder says."""

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stream.devbroker.cache import cache_folder


def node_modules(npm: Path, project: Path) -> Path:
    """Return the folder `node_modules` of a project. Skip the test with the reason if its packages cannot be fetched.

    With CX_TEST_REQUIRE_TOOLS=1, as in CI, such a test fails.
    """
    lock = project / "package-lock.json"
    folder = cache_folder() / "npm" / sha256(lock.read_bytes()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as temporary:
            content = Path(temporary) / "content"
            content.mkdir()
            for name in ("package.json", lock.name):
                shutil.copy(project / name, content)
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            result = subprocess.run(command, cwd=content, capture_output=True, text=True, check=False)
            if result.returncode:
                reason = f"npm could not fetch the packages of {project.name}: {result.stderr.strip()}"
                if os.environ.get("CX_TEST_REQUIRE_TOOLS") == "1":
                    pytest.fail(f"{reason} (CX_TEST_REQUIRE_TOOLS=1)")
                pytest.skip(reason)
            content.rename(folder)
    return folder / "node_modules"
