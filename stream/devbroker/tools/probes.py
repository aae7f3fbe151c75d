"""Probes that start a program with a small configuration, which has every kind of entry of ours.

`--version` is not enough, because Debian's Alertmanager answers it even if it cannot load a configuration,
and because an old Prometheus refuses our rules.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from stream.devbroker.http import get
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child, ProcessError
from stream.devbroker.temporary import temporary_folder
from stream.devbroker.tools import commands

Probe = Callable[[Path], str | None]
"""Takes a program and returns why it does not start, None if it does."""

SECONDS = 30.0
"""Time limit of a probe in seconds."""
MAX_REASON_LENGTH = 300
"""Maximum characters of a reason, because the shell may run a program of another processor as a script and
print anything."""

PROMETHEUS = "rule_files: [rules.yml]\n"
RULES = """groups:
  - name: probe
    rules:
      - {alert: Probe, expr: vector(0) > 1, for: 1m, keep_firing_for: 1m}
"""
ALERTMANAGER = """route:
  receiver: probe
  routes: [{receiver: probe, matchers: ['severity="critical"']}]
receivers: [{name: probe}]
inhibit_rules: [{source_matchers: ['alertname="A"'], target_matchers: ['alertname="B"'], equal: [cluster]}]
"""

_ERROR = re.compile(r'\berr(?:or)?=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
"""The reason in a line of Go's logfmt."""


def prometheus(program: Path) -> str | None:
    """Start Prometheus with a rule file until it is ready."""
    return _server(program, commands.prometheus, PROMETHEUS)


def alertmanager(program: Path) -> str | None:
    """Start Alertmanager with routes and inhibitions until it is ready."""
    return _server(program, commands.alertmanager, ALERTMANAGER)


def promtool(program: Path) -> str | None:
    """Check a rule file with promtool."""
    return _command(program, "check", "rules", "rules.yml")


def amtool(program: Path) -> str | None:
    """Check a configuration with amtool."""
    return _command(program, "check-config", "alertmanager.yml")


def kubectl(program: Path) -> str | None:
    """Start kubectl without a cluster."""
    return _command(program, "version", "--client")


def kcat(program: Path) -> str | None:
    """Start kcat without a broker."""
    return _command(program, "-V")


def chromium(program: Path) -> str | None:
    """Start Chromium without a page."""
    return _command(program, "--version")


def curl(program: Path) -> str | None:
    """Start curl without a request."""
    return _command(program, "--version")


def npm(program: Path) -> str | None:
    """Start npm, which starts Node.js."""
    return _command(program, "--version")


def systemd_analyze(program: Path) -> str | None:
    """Start systemd-analyze without systemd as process 1."""
    return _command(program, "calendar", "daily")


def _server(
    program: Path, command: Callable[[Path, Path, Path, int], commands.Command], config: str
) -> str | None:
    """Start a server and wait until it is ready."""
    with temporary_folder("probe") as folder:
        port = free_port()
        path, log = folder / "config.yml", folder / "log"
        path.write_text(config)
        (folder / "rules.yml").write_text(RULES)
        try:
            child = Child(program.name, command(program, path, folder / "data", port), log=log, cwd=folder)
        except OSError as error:
            return str(error.strerror)
        with child:
            try:
                child.wait_until(lambda: get(port, "/-/ready").status == 200, SECONDS)
            except ProcessError as error:
                if not child.ended():
                    return f"it was not ready within {SECONDS:g} s"
                return reason(child.tail()) or str(error).partition(". ")[0]
    return None


def _command(program: Path, *arguments: str) -> str | None:
    """Run a program beside the configurations until it ends."""
    with temporary_folder("probe") as folder:
        (folder / "rules.yml").write_text(RULES)
        (folder / "alertmanager.yml").write_text(ALERTMANAGER)
        try:
            finished = subprocess.run(
                [program, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {SECONDS:g} s"
        except OSError as error:
            return str(error.strerror)
    if finished.returncode == 0:
        return None
    return reason(finished.stdout + finished.stderr) or f"exit code {finished.returncode}"


def reason(output: str) -> str:
    """Return the last error that a program has logged, else its last line.

    Without output the text is empty.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [match[1] or match[2] for match in map(_ERROR.search, lines) if match]
    last = [*lines[-1:], *errors][-1:]
    text = "".join(last).replace('\\"', '"')
    return "".join(character if character.isprintable() else "?" for character in text[:MAX_REASON_LENGTH])
