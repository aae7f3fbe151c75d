"""Prometheus' own programs: from PATH, else from Debian's packages, unpacked into the cache without root."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from stream.cli.cache import cache_folder

DEBIAN_NAMES = {"alertmanager": "prometheus-alertmanager"}
DEBIAN_PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}
APT_DOWNLOAD = ("apt-get", "-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "download")


@cache
def find(tool: str) -> Path | None:
    """Where a program is, by its upstream name; None, and a line on stderr that says why, if nowhere."""
    debian_name = DEBIAN_NAMES.get(tool, tool)
    on_path = shutil.which(tool) or shutil.which(debian_name)
    if on_path:
        return Path(on_path)
    package = DEBIAN_PACKAGES.get(tool)
    if package is None:
        return None
    unpacked = cache_folder() / "debian" / package
    if not unpacked.exists():
        reason = unpack(package, unpacked)
        if reason:
            click.echo(f"{tool} is not on PATH, and {reason}", err=True)
            return None
    return unpacked / "usr" / "bin" / debian_name


def unpack(package: str, folder: Path) -> str | None:
    """Fetch a Debian package and unpack it into `folder`, all of it or nothing; why not, if not."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return f"there is no apt-get to fetch Debian's package {package} with"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as temporary:
        downloaded = _run(*APT_DOWNLOAD, package, cwd=temporary)
        if downloaded.returncode:
            return f"Debian's package {package} could not be fetched: {downloaded.stderr.strip()}"
        (archive,) = Path(temporary).glob("*.deb")
        extracted = _run("dpkg", "-x", archive.name, "content", cwd=temporary)
        if extracted.returncode:
            return f"Debian's package {package} could not be unpacked: {extracted.stderr.strip()}"
        (Path(temporary) / "content").rename(folder)
    return None


def _run(*command: str, cwd: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
