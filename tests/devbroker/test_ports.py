"""Ports for servers: free, not ephemeral, and never given to two processes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from socket import create_server

import pytest

from stream.devbroker import ports
from stream.devbroker.ports import BLOCK, claim, free_port, port_is_free
from stream.errors import CxgaugeError

pytestmark = pytest.mark.fresh


@contextmanager
def another_process(expression: str) -> Iterator[str]:
    """Print an expression in another process, which lives until the end of the block."""
    script = (
        f"import sys; from stream.devbroker.ports import *; print({expression}, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.communicate()


def test_a_free_port_is_free_and_not_ephemeral() -> None:
    port = free_port()
    assert port_is_free(port)
    assert port < 32_768
    with closing(create_server(("127.0.0.1", port))):
        assert not port_is_free(port)


def test_a_process_is_given_a_port_again_only_after_all_others() -> None:
    ports = [free_port() for _ in range(BLOCK // 2)]
    assert len(set(ports)) == len(ports)


def test_a_port_that_is_taken_is_passed_over() -> None:
    with ExitStack() as servers:
        taken = {free_port() for _ in range(3)}
        for port in taken:
            servers.enter_context(closing(create_server(("127.0.0.1", port))))
        assert not taken & {free_port() for _ in range(BLOCK)}


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.devbroker.ports.port_is_free", lambda _: False)
    with pytest.raises(CxgaugeError, match=r"no free port on 127\.0\.0\.1 among 128 from 20000 to 32767"):
        free_port()


def test_processes_are_given_different_ports() -> None:
    """Some ports of a block may be taken by programs that know nothing of blocks."""
    ports = f"[free_port() for _ in range({BLOCK // 2})]"
    with ExitStack() as processes:
        printed = [processes.enter_context(another_process(ports)) for _ in range(6)]
    given = [port for line in printed for port in line.strip("[]").split(", ")]
    assert len(given) == len(set(given)) == 6 * (BLOCK // 2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_a_claim_is_seen_by_other_processes_until_its_process_ends() -> None:
    port = free_port()
    with another_process(f"claim({port})") as printed:
        assert printed == "True"
        assert not claim(port)
    assert claim(port)
    assert claim(port)
    with another_process(f"claim({port})") as printed:
        assert printed == "False"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_a_forked_process_has_ports_of_its_own() -> None:
    """It would go on in the block of its parent, at the same place."""
    script = (
        "import os; from stream.devbroker.ports import *; free_port(); r, w = os.pipe(); "
        "child = os.fork(); ports = [free_port() for _ in range(9)]; "
        "os.write(w, repr(ports).encode()) if not child else None; "
        "os._exit(0) if not child else os.waitpid(child, 0); "
        "print(set(ports) & set(eval(os.read(r, 999))))"
    )
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert completed.stdout == "set()\n"


def test_without_a_block_there_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of another process is never used."""
    ports._own_ports.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(ports, "_reserve", lambda _: False)
        with pytest.raises(CxgaugeError, match="all 98 blocks of ports from 20000 belong to other processes"):
            free_port()
    ports._own_ports.cache_clear()
