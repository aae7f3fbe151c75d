from pathlib import Path

import pytest

from stream.cli import tools

pytestmark = pytest.mark.fresh


@pytest.fixture(autouse=True)
def _forget(monkeypatch, tmp_path):
    """Each test searches anew, with a PATH and a cache of its own."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    tools.find.cache_clear()
    yield
    tools.find.cache_clear()


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    """A shell script by that name."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fake_debian(folder: Path, content: str) -> None:
    """An apt-get that fetches an empty package and a dpkg that unpacks `content` from it."""
    program(folder, "apt-get", ': > "package_1_all.deb"')
    program(folder, "dpkg", f'PATH=/usr/bin:/bin; mkdir -p "$3/usr/bin" && : > "$3/usr/bin/{content}"')


@pytest.mark.parametrize(
    ("tool", "installed"),
    [("promtool", "promtool"), ("alertmanager", "alertmanager"), ("alertmanager", "prometheus-alertmanager")],
)
def test_a_program_on_path_is_found_under_either_name(tmp_path, tool, installed):
    """Upstream's name and Debian's are the same program."""
    assert tools.find(tool) is None
    tools.find.cache_clear()
    path = program(tmp_path / "bin", installed)
    assert tools.find(tool) == path


def test_without_debian_the_reason_is_told(capsys):
    """None, and one line that names the program and what was tried."""
    assert tools.find("amtool") is None
    assert capsys.readouterr().err == (
        "amtool is not on PATH, and there is no apt-get to fetch Debian's package prometheus-alertmanager with\n"
    )


def test_an_unknown_program_is_looked_for_on_path_only(tmp_path, capsys):
    """Nothing is fetched for a program that is not Prometheus'."""
    fake_debian(tmp_path / "bin", "kcat")
    assert tools.find("kcat") is None
    assert capsys.readouterr().err == ""


def test_a_debian_package_is_unpacked_once(tmp_path):
    """The second search uses what the first one unpacked, also without apt-get."""
    fake_debian(tmp_path / "bin", "prometheus-alertmanager")
    path = tools.find("alertmanager")
    assert path == tmp_path / "cache/cxgauge/debian/prometheus-alertmanager/usr/bin/prometheus-alertmanager"
    assert path.exists()
    (tmp_path / "bin" / "apt-get").unlink()
    tools.find.cache_clear()
    assert tools.find("alertmanager") == path


@pytest.mark.parametrize("failing", ["apt-get", "dpkg"])
def test_a_failed_fetch_leaves_nothing(tmp_path, capsys, failing):
    """A package is there whole or not at all, and the program's own words are passed on."""
    fake_debian(tmp_path / "bin", "promtool")
    program(tmp_path / "bin", failing, "echo 'E: no such luck' >&2; exit 100")
    assert tools.find("promtool") is None
    assert "E: no such luck" in capsys.readouterr().err
    assert list((tmp_path / "cache/cxgauge/debian").iterdir()) == []
