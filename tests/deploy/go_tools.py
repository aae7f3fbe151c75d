"""Programs of Kubernetes that are Go modules. Each is built once, into the cache."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from stream.devbroker.cache import cache_folder

MODULES = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "controller-gen": "sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
}


class GoToolError(Exception):
    """A program cannot be had. The text says why."""


def program(name: str) -> Path:
    """Return the path of a program of MODULES, which is built if it is not in the cache. Raises GoToolError."""
    module = MODULES[name]
    path = cache_folder() / name / module.rpartition("@")[2] / name
    if not path.exists():
        _build(module, path)
    return path


def is_required() -> bool:
    """Return whether a missing program is an error, as in CI."""
    return os.environ.get("CX_TEST_REQUIRE_TOOLS") == "1"


def _build(module: str, path: Path) -> None:
    if shutil.which("go") is None:
        raise GoToolError(
            f"{path.name} is left out: it is not in {path.parent}, and there is no go to build it"
        )
    sys.stderr.write(f"Building {path.name} once, which takes minutes: {path}\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as temporary:
        result = subprocess.run(
            ["go", "install", module],
            env={**os.environ, "GOBIN": temporary},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            reason = " ".join(result.stderr.split())[-500:]
            raise GoToolError(f"{path.name} is left out: go install {module}: {reason}")
        (Path(temporary) / path.name).rename(path)
