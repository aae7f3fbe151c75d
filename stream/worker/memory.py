"""The memory of this process, and when to keep entities on disk instead."""

from pathlib import Path

INTERVAL = 60.0
"""Seconds between two looks at the memory."""
_STATUS = Path("/proc/self/status")


def resident(status: Path = _STATUS) -> int | None:
    """Return the bytes of memory that this process has, None if the system does not say."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS:")), None)


def advice(used: int | None, limit: int | None) -> str:
    """Return a text that recommends `worker.state_dir` if a worker uses more than half of its limit, else an empty one."""
    if used is None or limit is None or 2 * used <= limit:
        return ""
    return (
        f"the worker uses {used >> 20} MiB of {limit >> 20} MiB of memory. With worker.state_dir entities are on local disk instead: "
        "see deploy/docs/state.md"
    )
