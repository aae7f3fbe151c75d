"""The resources of a process, as series and as remarks on those that are scarce."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from stream.resources.certificates import CertificateExpiries, CertificateFile
from stream.resources.memory import memory

LEAST_SHARE = 0.1
"""Share of memory, and of a disk, below which little is available."""
LEAST_DAYS = 14
"""Days below which a certificate is about to end."""
MEMORY_LIMIT, MEMORY_AVAILABLE = "cxgauge_memory_limit_bytes", "cxgauge_memory_available_bytes"
DISK_SIZE, DISK_AVAILABLE = "cxgauge_disk_size_bytes", "cxgauge_disk_available_bytes"
EXPIRY = "cxgauge_certificate_expiry_timestamp_seconds"
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    MEMORY_LIMIT: (
        "Limit of the control group of the process, or the memory of the machine, whichever has the smaller share available",
        (),
    ),
    MEMORY_AVAILABLE: ("Memory below this limit that nobody uses, or only caches", ()),
    DISK_SIZE: ("Size of the disk of a folder of exporter.folders, or of worker.state_dir", ("folder",)),
    DISK_AVAILABLE: ("Space on it that is available to the user of the process", ("folder",)),
    EXPIRY: (
        "End of the first certificate of a file to end, of authorities (ca) of the last one",
        ("use", "file"),
    ),
}
"""Help text and labels by name. All are gauges. A series is absent if there is nothing that it could be about."""


class Disk(NamedTuple):
    """The disk of a folder: its size, and the available space on it, in bytes."""

    folder: Path
    size: int
    available: int


class Resources:
    """The resources of a process. It is a collector of prometheus_client, which reads them at each scrape.

    Args:
        certificates: the files of certificates that the process uses
        folders: folders of data, of whose disks the space is read
        root: the root of the file system, from which the memory is read
    """

    def __init__(
        self,
        certificates: Iterable[CertificateFile] = (),
        folders: Iterable[Path] = (),
        root: Path = Path("/"),
    ) -> None:
        self._certificates = CertificateExpiries(certificates)
        self._folders = tuple(folders)
        self._root = root

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples. A folder or file that cannot be read has none."""
        scarcest = memory(self._root)
        if scarcest is not None:
            yield _family(MEMORY_LIMIT, [((), scarcest.limit)])
            yield _family(MEMORY_AVAILABLE, [((), scarcest.available)])
        if disks := list(self._disks()):
            yield _family(DISK_SIZE, [([str(disk.folder)], disk.size) for disk in disks])
            yield _family(DISK_AVAILABLE, [([str(disk.folder)], disk.available) for disk in disks])
        if ends := list(self._certificates.read()):
            yield _family(EXPIRY, [([file.use, str(file.path)], end) for file, end in ends])

    def remarks(self, now: float) -> Iterator[str]:
        """Yield a text about each resource that is scarce. `now` is in seconds since the epoch."""
        scarcest = memory(self._root)
        if scarcest is not None and scarcest.available < LEAST_SHARE * scarcest.limit:
            yield f"{_mib(scarcest.available)} of {_mib(scarcest.limit)} of memory are left"
        yield from self.lasting_remarks(now)

    def lasting_remarks(self, now: float) -> Iterator[str]:
        """Yield the texts that do not depend on the running process: about disks and certificates."""
        for disk in self._disks():
            if disk.available < LEAST_SHARE * disk.size:
                yield f"{_mib(disk.available)} of {_mib(disk.size)} are left on the disk of {disk.folder}"
        for file, end in self._certificates.read():
            days = (end - now) / 86_400
            if days < LEAST_DAYS:
                yield f"the certificate {file.path} {f'ends in {days:.0f} days' if days >= 0 else 'has ended'}"

    def _disks(self) -> Iterator[Disk]:
        for folder in self._folders:
            try:
                usage = shutil.disk_usage(folder)
            except OSError:
                continue
            yield Disk(folder, usage.total, usage.free)


def _family(name: str, samples: Iterable[tuple[Sequence[str], float]]) -> Metric:
    text, labels = FAMILIES[name]
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _mib(n: int) -> str:
    return f"{n / (1 << 20):,.0f} MiB"
