"""The memory that a process may still use: of its control groups and of the machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UNLIMITED = 1 << 60
"""Bytes from which a limit of cgroup v1 is none."""


class Memory(NamedTuple):
    """A limit, and the available memory below it, in bytes."""

    limit: int
    available: int


class _Version(NamedTuple):
    """Names of a version of cgroups: its mount, its files, and the key of memory.stat for caches that are given up first."""

    mount: str
    limit: str
    usage: str
    inactive: str


_V1 = _Version(
    "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
)
_V2 = _Version("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")


def memory(root: Path = Path("/")) -> Memory | None:
    """Return the scarcest memory of this process, None if the system says nothing. `root` is the root of the file system.

    Candidates are the machine (MemAvailable) and each control group above the process that has a limit. Of a group, the
    limit less the working set is available, as Kubernetes counts it: its use without inactive files.
    """
    candidates = [*_machine(root), *_groups(root)]
    return min(candidates, key=lambda entry: entry.available / entry.limit, default=None)


def _machine(root: Path) -> Iterator[Memory]:
    lines = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    amounts = {words[0]: int(words[1]) * 1024 for words in lines if len(words) > 1 and words[1].isdigit()}
    total, available = amounts.get("MemTotal:", 0), amounts.get("MemAvailable:")
    if total and available is not None:
        yield Memory(total, available)


def _groups(root: Path) -> Iterator[Memory]:
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            version = _V2
        elif "memory" in controllers.split(","):
            version = _V1
        else:
            continue
        mount = root / version.mount
        group = mount / path.strip("/")
        # in a container the path can be that of the host, and only the mount is visible
        for folder in dict.fromkeys([group, *group.parents, mount]):
            if folder.is_relative_to(mount) and (limited := _group(folder, version)) is not None:
                yield limited


def _group(folder: Path, version: _Version) -> Memory | None:
    limit, usage = _text(folder / version.limit).strip(), _text(folder / version.usage).strip()
    if not limit.isdigit() or not usage.isdigit() or not 0 < int(limit) < UNLIMITED:
        return None
    stat = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines() if " " in line)
    working_set = max(0, int(usage) - int(stat.get(version.inactive, "0")))
    return Memory(int(limit), max(0, int(limit) - working_set))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
