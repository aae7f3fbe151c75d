import hashlib
import sys
from pathlib import Path
from unittest import mock

import pytest

from stream.devbroker.kafka import jars

pytestmark = pytest.mark.fresh

COORDINATE = "org.example:thing:1.0"
CONTENT = b"the right content"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class FakeMaven:
    """Holds one file, and counts how often it is asked for it."""

    content = CONTENT
    fetches = 0

    def __init__(self, repository):
        """Serve the file below a folder."""
        self.path = repository / "org/example/thing/1.0/thing-1.0.jar"

    def fetch(self, *coordinate):
        """Put the file where jgo would."""
        assert coordinate == ("org.example", "thing", "1.0")
        self.fetches += 1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.content)


@pytest.fixture
def maven(monkeypatch, tmp_path):
    """The fake repository of class_path()."""
    fake = FakeMaven(tmp_path / "maven")
    monkeypatch.setattr("stream.devbroker.kafka.maven.Maven", mock.Mock(return_value=fake))
    return fake


@pytest.fixture
def lock(tmp_path):
    """A lock file of one line."""
    path = tmp_path / "jars.lock"
    path.write_text(f"{SHA256}  {COORDINATE}\n")
    return path


def test_the_lock_file_names_kafka_and_a_sum_for_every_jar():
    """Forty-six files of one version, each with a whole SHA-256 sum."""
    locked_jars = jars.read_lock()
    coordinates = [jar.coordinate for jar in locked_jars]
    assert f"org.apache.kafka:kafka_2.13:{jars.VERSION}" in coordinates
    assert len(set(coordinates)) == 46
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in locked_jars)


def test_a_jar_is_fetched_once(tmp_path, lock, maven, capsys):
    """The first start prints one line, the second start fetches and prints nothing."""
    path = str(tmp_path / "maven/org/example/thing/1.0/thing-1.0.jar")
    assert jars.class_path(tmp_path / "maven", lock) == path
    assert (
        capsys.readouterr().err == f"Fetching Apache Kafka {jars.VERSION}: 1 jars to {tmp_path / 'maven'}\n"
    )
    assert jars.class_path(tmp_path / "maven", lock) == path
    assert capsys.readouterr().err == ""
    assert maven.fetches == 1


def test_a_damaged_jar_is_fetched_again(tmp_path, lock, maven):
    """As after a fetch that was broken off."""
    path = Path(jars.class_path(tmp_path / "maven", lock))
    path.write_bytes(CONTENT[:5])
    jars.class_path(tmp_path / "maven", lock)
    assert path.read_bytes() == CONTENT
    assert maven.fetches == 2


def test_a_jar_with_another_sum_is_refused_and_removed(tmp_path, lock, maven):
    """The error names the jar and the sum it should have."""
    maven.content = b"something else"
    with pytest.raises(
        jars.JarError, match=f"{COORDINATE}: the fetched file does not have the SHA-256 sum {SHA256}"
    ):
        jars.class_path(tmp_path / "maven", lock)
    assert not (tmp_path / "maven/org/example/thing/1.0/thing-1.0.jar").exists()


def test_an_unreachable_repository_is_reported(tmp_path, lock, maven):
    """With the jar and the reason."""
    maven.fetch = mock.Mock(side_effect=OSError("no route to host"))
    with pytest.raises(jars.JarError, match=f"{COORDINATE} could not be fetched: no route to host"):
        jars.class_path(tmp_path / "maven", lock)


def test_a_missing_extra_is_named(tmp_path, lock, monkeypatch):
    """The error names the package to install."""
    monkeypatch.delitem(sys.modules, "stream.devbroker.kafka.maven", raising=False)
    monkeypatch.setitem(sys.modules, "jgo.maven", None)
    with pytest.raises(jars.MissingExtraError, match=r"pip install 'cxgauge\[broker\]'"):
        jars.class_path(tmp_path / "maven", lock)
