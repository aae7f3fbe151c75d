"""What the image's health check says of a process."""

import subprocess
import sys

import pytest

from stream.config import Address
from stream.worker.health import Health, serve
from tests.deploy.project import ROOT


def check(port: int, path: str) -> int:
    """Its exit code, as Docker asks for it."""
    script = ROOT / "deploy/healthcheck.py"
    return subprocess.run([sys.executable, script, f"http://127.0.0.1:{port}{path}"], check=False).returncode


@pytest.mark.parametrize(("path", "code"), [("/livez", 0), ("/readyz", 1), ("/nowhere", 1)])
def test_only_200_is_healthy(free_port: int, path: str, code: int) -> None:
    """Of a worker that lives but is not ready yet."""
    server = serve(Health(), Address("127.0.0.1", free_port))
    assert check(free_port, path) == code
    server.shutdown()
    server.server_close()


def test_where_nothing_listens(free_port: int) -> None:
    """Exit 1 and no traceback."""
    assert check(free_port, "/livez") == 1
