"""Debian packages, fetched with apt-get and unpacked into the cache without root."""

import platform
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from stream.devbroker.cache import cache_folder

APT_DOWNLOAD = ("apt-get", "-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "download")


def release() -> str:
    """Return a name of this system, such as `debian-13-x86_64`, because machines may share a home folder."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {"ID": platform.system().lower()}
    version = system.get("VERSION_ID") or system.get("VERSION_CODENAME") or "rolling"
    return f"{system['ID']}-{version}-{platform.machine()}"


def unpacked(package: str) -> Path:
    """Return the folder of an unpacked package, whether it exists or not."""
    return cache_folder() / "packages" / release() / package


def executable(package: str, name: str) -> Path:
    """Return the path of an executable in an unpacked package, whether it exists or not."""
    return unpacked(package) / "usr" / "bin" / name


def executable_of(package: str, name: str) -> Path | str:
    """Return an executable of a package, fetched unless it is cached, or the reason if that fails."""
    folder = unpacked(package)
    if not folder.exists():
        try:
            reason = _fetch(package, folder)
        except OSError as error:
            reason = f"Debian's package {package} could not be unpacked: {error}"
        if reason:
            return reason
    path = executable(package, name)
    return path if path.exists() else f"Debian's package {package} has no {name}"


def _fetch(package: str, folder: Path) -> str | None:
    """Fetch and unpack a package into `folder`, completely or not at all.

    Return None, or the reason if that fails.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return f"there is no apt-get to fetch Debian's package {package}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as temporary:
        downloaded = _run(*APT_DOWNLOAD, package, cwd=temporary)
        if downloaded.returncode:
            return f"Debian's package {package} could not be fetched: {_error(downloaded)}"
        (archive,) = Path(temporary).glob("*.deb")
        extracted = _run("dpkg", "-x", archive.name, "content", cwd=temporary)
        if extracted.returncode:
            return f"Debian's package {package} could not be unpacked: {_error(extracted)}"
        _move(Path(temporary) / "content", folder)
    return None


def _move(content: Path, folder: Path) -> None:
    """Rename `content`, unless another process has unpacked the same package meanwhile."""
    try:
        content.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _error(finished: subprocess.CompletedProcess[str]) -> str:
    """Return the first error of apt-get or dpkg as one line."""
    lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "dpkg"))]
    return next(iter([*errors, *lines]), f"exit code {finished.returncode}")


def _run(*command: str, cwd: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
