"""The memory of control groups and machines, from files as Linux has them."""

from pathlib import Path

import pytest

from stream.resources.memory import Memory, memory

MIB = 1 << 20


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a root, by their paths."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def machine(available: int) -> dict[str, str]:
    """Return the file about a machine of 1,000 MiB."""
    return {"proc/meminfo": f"MemTotal: {1000 << 10} kB\nMemFree: 1 kB\nMemAvailable: {available << 10} kB\n"}


def group(folder: str, limit: str, usage: int, inactive: int) -> dict[str, str]:
    """Return the files of a control group of version 2. Sizes are in MiB."""
    return {
        f"sys/fs/cgroup/{folder}memory.max": f"{limit}\n",
        f"sys/fs/cgroup/{folder}memory.current": f"{usage * MIB}\n",
        f"sys/fs/cgroup/{folder}memory.stat": f"anon 1\ninactive_file {inactive * MIB}\n",
    }


SERVICE = {"proc/self/cgroup": "0::/system.slice/worker.service\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (machine(400), Memory(1000 * MIB, 400 * MIB)),
        # a container sees its own group as the root; files in the cache do not count
        (
            machine(400) | {"proc/self/cgroup": "0::/\n"} | group("", str(100 * MIB), 95, 20),
            Memory(100 * MIB, 25 * MIB),
        ),
        # the machine is scarcer than the group
        (
            machine(10) | {"proc/self/cgroup": "0::/\n"} | group("", str(100 * MIB), 50, 0),
            Memory(1000 * MIB, 10 * MIB),
        ),
        # the slice of the service has the limit
        (
            machine(400)
            | SERVICE
            | group("system.slice/worker.service/", "max", 90, 0)
            | group("system.slice/", str(100 * MIB), 90, 0),
            Memory(100 * MIB, 10 * MIB),
        ),
        # more is used than allowed, for a moment
        (
            machine(400) | {"proc/self/cgroup": "0::/\n"} | group("", str(100 * MIB), 101, 0),
            Memory(100 * MIB, 0),
        ),
    ],
)
def test_the_scarcest_memory_counts(tmp_path: Path, files: dict[str, str], expected: Memory) -> None:
    write(tmp_path, files)
    assert memory(tmp_path) == expected


@pytest.mark.parametrize("folder", ["docker/4f2e/", ""])
def test_groups_of_version_1_count(tmp_path: Path, folder: str) -> None:
    """Also in a container, where the path is that of the host and only the mount is there."""
    base = f"sys/fs/cgroup/memory/{folder}"
    write(
        tmp_path,
        machine(400)
        | {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/4f2e\n4:memory:/docker/4f2e\n0::/\n",
            f"{base}memory.limit_in_bytes": f"{200 * MIB}\n",
            f"{base}memory.usage_in_bytes": f"{190 * MIB}\n",
            f"{base}memory.stat": f"inactive_file 5\ntotal_inactive_file {10 * MIB}\n",
        },
    )
    assert memory(tmp_path) == Memory(200 * MIB, 20 * MIB)


def test_a_group_of_version_1_without_a_limit_does_not_count(tmp_path: Path) -> None:
    base = "sys/fs/cgroup/memory/"
    write(
        tmp_path,
        machine(400)
        | {
            "proc/self/cgroup": "4:memory:/\n",
            f"{base}memory.limit_in_bytes": "9223372036854771712\n",
            f"{base}memory.usage_in_bytes": "5\n",
        },
    )
    assert memory(tmp_path) == Memory(1000 * MIB, 400 * MIB)


def test_a_system_that_says_nothing_has_no_memory(tmp_path: Path) -> None:
    assert memory(tmp_path) is None


def test_this_machine_has_memory() -> None:
    scarcest = memory()
    assert scarcest is not None
    assert 0 <= scarcest.available <= scarcest.limit
