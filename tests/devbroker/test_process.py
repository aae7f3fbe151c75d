import os
import select
import shutil
import signal
import subprocess
import sys

import pytest

from stream.devbroker.process import Child, ProcessError, until_stopped

pytestmark = pytest.mark.fresh

IGNORES_TERM = "trap '' TERM; echo ready; while :; do sleep 1; done"


def shell(tmp_path, script: str, **options) -> Child:
    """Return a child that runs a line of shell."""
    return Child("the shell", ["sh", "-c", script], log=tmp_path / "log", **options)


def test_a_child_is_ready_by_condition_and_stopped_at_the_end(tmp_path):
    """Its output is in the log, it has a process group, and it is stopped completely."""
    with shell(tmp_path, 'echo "$WORD"; exec sleep 600', env={**os.environ, "WORD": "ready"}) as child:
        child.wait_until(lambda: child.tail() == "ready")
        assert os.getpgid(child.pid) == child.pid
        assert not child.ended()
    assert child.ended()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_child_that_ignores_sigterm_is_killed_with_its_group(tmp_path):
    """The deadline applies to the program and its children: their pipe is closed."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with shell(tmp_path, f"exec 3>pipe; sh -c {IGNORES_TERM!r} & {IGNORES_TERM}", cwd=tmp_path) as child:
        child.wait_until(lambda: child.tail() == "ready\nready")
        assert select.select([reader], [], [], 0)[0] == []
        child.stop(seconds=0.1)
        assert child.ended()
    assert select.select([reader], [], [], 10)[0] == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_child_that_exits_before_it_is_ready_shows_its_log(tmp_path):
    """Which program, its exit code and the end of its log."""
    with shell(tmp_path, "seq 1 30; exit 3") as child, pytest.raises(ProcessError) as caught:
        child.wait_until(lambda: False)
    first, *last_words = str(caught.value).splitlines()
    assert first == "the shell ended with exit code 3, its last words:"
    assert last_words == [str(number) for number in range(11, 31)]


def test_a_child_that_is_never_ready_times_out(tmp_path):
    """The error has the timeout."""
    with (
        shell(tmp_path, "echo thinking; exec sleep 600") as child,
        pytest.raises(ProcessError, match=r"the shell was not ready within 0\.1 s"),
    ):
        child.wait_until(lambda: False, seconds=0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_does_not_interrupt_the_cleanup(number):
    """The code after the block runs."""
    program = f"""
import os, signal
from stream.devbroker.process import until_stopped
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
with until_stopped():
    try:
        os.kill(os.getpid(), {int(number)})
        print("not reached")
    finally:
        os.kill(os.getpid(), {int(number)})
        print("cleaned up")
print("done")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "cleaned up\ndone\n"


def test_nohup_is_respected():
    """A program that ignores SIGHUP still ignores it."""
    program = """
import os, signal
from stream.devbroker.process import until_stopped
with until_stopped():
    os.kill(os.getpid(), signal.SIGHUP)
    print("reached")
"""
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", program]
    assert subprocess.run(ignoring, capture_output=True, text=True, check=True).stdout == "reached\n"


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path):
    """A child of a killed parent is stopped: its pipe is closed."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    program = """
import os, signal, sys
from pathlib import Path
from stream.devbroker.process import Child
child = Child("it", ["sh", "-c", "exec 3>pipe; echo ready; exec sleep 600"], log=Path("log"))
child.wait_until(lambda: child.tail() == "ready")
os.kill(os.getpid(), signal.SIGKILL)
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert result.returncode == -signal.SIGKILL
    assert select.select([reader], [], [], 10)[0] == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_handlers_are_as_before_after_the_block():
    """A block without a signal leaves no trace."""
    before = signal.getsignal(signal.SIGTERM)
    with until_stopped():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
