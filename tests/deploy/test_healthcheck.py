"""The health check of the image."""

import asyncio
import ssl
import subprocess
import sys

import bcrypt
import pytest
import trustme

from stream.config import Address
from stream.exporter.exposition import Exposition
from stream.exporter.http.server import serve as serve_exporter
from stream.http.web_config import WebConfig
from stream.worker.health import Health, serve
from tests.deploy.project import ROOT

pytestmark = pytest.mark.fresh


def check(url: str) -> int:
    """Return the exit code of the check."""
    command = [sys.executable, ROOT / "deploy/healthcheck.py", url]
    return subprocess.run(command, check=False).returncode


@pytest.mark.parametrize(("path", "code"), [("/livez", 0), ("/readyz", 1), ("/nowhere", 1)])
def test_only_200_is_healthy(free_port: int, path: str, code: int) -> None:
    """For a worker that lives but is not ready."""
    server = serve(Health(), Address("127.0.0.1", free_port))
    try:
        assert check(f"http://127.0.0.1:{free_port}{path}") == code
    finally:
        server.shutdown()


def test_a_closed_port_is_unhealthy(free_port: int) -> None:
    """The exit code is 1, without a traceback."""
    assert check(f"http://127.0.0.1:{free_port}/livez") == 1


async def test_an_exporter_that_requires_a_password_is_healthy(free_port: int) -> None:
    """The check has no password and trusts no authority, so a refusal shows that the process lives."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("exporter").configure_cert(context)
    config = WebConfig(context, {"ada": bcrypt.hashpw(b"secret", bcrypt.gensalt(4))})
    address = Address("127.0.0.1", free_port)
    runner = await serve_exporter(Exposition(), lambda: ("", ""), address, config=config)
    try:
        for scheme, code in (("https", 0), ("http", 1)):
            assert await asyncio.to_thread(check, f"{scheme}://{address}/livez") == code
    finally:
        await runner.cleanup()
