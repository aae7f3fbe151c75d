"""Search for a program that starts on this machine."""

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from stream.devbroker.tools import debian, probes


class Tool(NamedTuple):
    """A program under its upstream name."""

    probe: probes.Probe
    packages: tuple[str, ...] = ()
    """Debian packages that may hold it: the split differs between releases."""
    debian_name: str | None = None
    """Name of Debian's executable, None if it is the upstream name."""


TOOLS = {
    "prometheus": Tool(probes.prometheus, ("prometheus",)),
    "promtool": Tool(probes.promtool, ("promtool", "prometheus")),
    "alertmanager": Tool(probes.alertmanager, ("prometheus-alertmanager",), "prometheus-alertmanager"),
    "amtool": Tool(probes.amtool, ("prometheus-alertmanager",)),
    "kubectl": Tool(probes.kubectl),
    "kcat": Tool(probes.kcat),
    "chromium": Tool(probes.chromium),
    "curl": Tool(probes.curl),
    "npm": Tool(probes.npm),
    "systemd-analyze": Tool(probes.systemd_analyze),
}


class Unavailable(NamedTuple):
    """A program that is left out, with a sentence that says why."""

    sentence: str

    def __str__(self) -> str:
        return self.sentence


@cache
def find(name: str) -> Path | Unavailable:
    """Return the first candidate that starts, else the reasons why none does.

    Candidates are the upstream name and Debian's on PATH, then Debian packages, which are unpacked into the
    cache.
    """
    tool = TOOLS[name]
    reasons: list[str] = []
    for candidate in _candidates(name, tool):
        if isinstance(candidate, str):
            reasons.append(candidate)
            continue
        fault = tool.probe(candidate)
        if fault is None:
            return candidate
        reasons.append(f"{candidate} does not start: {fault}")
    return Unavailable(f"{name} is left out: {'; '.join(reasons)}")


def _candidates(name: str, tool: Tool) -> Iterator[Path | str]:
    """Yield executables, or the reason why a source has none."""
    debian_name = tool.debian_name or name
    on_path = [*_on_path(name), *(_on_path(debian_name) if debian_name != name else ())]
    yield from on_path or ["it is not on PATH"]
    for package in sorted(
        tool.packages, key=lambda package: not debian.executable(package, debian_name).exists()
    ):
        yield debian.executable_of(package, debian_name)


def _on_path(name: str) -> list[Path]:
    """Return all executables of this name in the order of PATH, without links to earlier ones."""
    programs: dict[str, Path] = {}
    for folder in os.get_exec_path():
        program = shutil.which(name, path=folder)
        if program:
            programs.setdefault(os.path.realpath(program), Path(program))
    return list(programs.values())
