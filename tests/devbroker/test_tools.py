import os
import sys
from pathlib import Path

import pytest

from stream.devbroker import tools
from stream.devbroker.tools import debian, finder, probes

TEMPLATE_ERROR = "open /usr/share/prometheus/alertmanager/default.tmpl: no such file or directory"
FAILING_SERVER = f"""echo 'level=info msg="Loading configuration file"'
echo 'level=error msg="apply failed" err="failed to parse templates: {TEMPLATE_ERROR}"'
echo 'level=info msg="See you next time!"'
exit 1"""
READY_SERVER = """import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/-/ready" else 404)
        self.end_headers()
address = next(each for each in sys.argv if each.startswith("--web.listen-address=")).partition("=")[2]
host, port = address.split(":")
http.server.HTTPServer((host, int(port)), Ready).serve_forever()"""

pytestmark = pytest.mark.fresh


@pytest.fixture(autouse=True)
def isolated_machine(monkeypatch, tmp_path):
    """Each test searches again, with a PATH, a cache and a release of its own."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        debian.platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_ID": "13"}
    )
    monkeypatch.setattr(debian.platform, "machine", lambda: "x86_64")
    (tmp_path / "bin").mkdir()
    tools.find.cache_clear()
    yield
    tools.find.cache_clear()


def program(path: Path, script: str = "exit 0", interpreter: str = "/bin/sh") -> Path:
    """Write an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{interpreter}\n{script}\n")
    path.chmod(0o755)
    return path


def server(path: Path) -> Path:
    """Write an executable server that becomes ready."""
    return program(path, READY_SERVER, sys.executable)


def packages(folder: Path) -> Path:
    """Return the folder of the unpacked packages of Debian 13."""
    return folder / "cache/cxgauge/packages/debian-13-x86_64"


def fake_debian(folder: Path, **content: str) -> None:
    """Write a fake apt-get that fetches these packages, and a dpkg that unpacks an executable from each."""
    program(
        folder / "apt-get",
        f'for p; do :; done; case $p in {"|".join(content)}) : > "${{p}}_1_all.deb";; '
        '*) echo "E: Unable to locate package $p" >&2; exit 100;; esac',
    )
    lines = [f'{package}_*) name="{name}";;' for package, name in content.items()]
    program(
        folder / "dpkg",
        "PATH=/usr/bin:/bin; mkdir -p $3/usr/bin; "
        f"case $2 in {' '.join(lines)} esac; "
        'printf "#!/bin/sh\\nexit 0\\n" > "$3/usr/bin/$name"; chmod +x "$3/usr/bin/$name"',
    )


@pytest.mark.parametrize("installed", ["alertmanager", "prometheus-alertmanager"])
def test_a_server_on_path_is_found_under_either_name(tmp_path, installed):
    """Upstream's name and Debian's are the same program."""
    path = server(tmp_path / "bin" / installed)
    assert tools.find("alertmanager") == path


def test_a_server_that_does_not_start_is_left_out_with_its_error(tmp_path):
    """One sentence, also when the error is not the last line of its log."""
    path = program(tmp_path / "bin/alertmanager", FAILING_SERVER)
    assert str(tools.find("alertmanager")) == (
        f"alertmanager is left out: {path} does not start: failed to parse templates: {TEMPLATE_ERROR}; "
        "there is no apt-get to fetch Debian's package prometheus-alertmanager"
    )


@pytest.mark.parametrize("broken", [FAILING_SERVER, "exit 0", "kill -9 $$"])
def test_a_program_that_does_not_start_hides_no_later_one(tmp_path, broken):
    """Neither under its other name nor later on PATH. A server that exits at once has not started."""
    program(tmp_path / "bin/alertmanager", broken)
    path = server(tmp_path / "bin/prometheus-alertmanager")
    assert tools.find("alertmanager") == path


def test_a_later_folder_of_path_is_searched(monkeypatch, tmp_path):
    """Unlike in a shell."""
    program(tmp_path / "bin/promtool", "echo 'field keep_firing_for not found' >&2; exit 1")
    path = program(tmp_path / "later/promtool")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{tmp_path / 'later'}")
    assert tools.find("promtool") == path


def test_a_program_on_path_that_does_not_start_hides_no_package(tmp_path):
    """The first program that starts is used, from any source."""
    program(tmp_path / "bin/promtool", "exit 3")
    fake_debian(tmp_path / "bin", promtool="promtool")
    assert tools.find("promtool") == packages(tmp_path) / "promtool/usr/bin/promtool"


def test_a_program_is_called_as_it_will_be_used(tmp_path):
    """Promtool gets a rule file with an entry that only newer ones know."""
    program(tmp_path / "bin/promtool", 'grep -q keep_firing_for "$3" && [ "$1 $2" = "check rules" ]')
    (tmp_path / "bin/grep").symlink_to("/bin/grep")
    assert isinstance(tools.find("promtool"), Path)


@pytest.mark.parametrize(
    ("tool", "limit"), [("alertmanager", "it was not ready within"), ("amtool", "it did not end within")]
)
def test_a_program_that_hangs_is_left_out(monkeypatch, tmp_path, tool, limit):
    """Its last line of log is not taken for the reason."""
    monkeypatch.setattr(probes, "SECONDS", 0.5)
    script = "import signal\nprint('ready soon', flush=True)\nsignal.pause()"
    path = program(tmp_path / "bin" / tool, script, sys.executable)
    assert f"{path} does not start: {limit} 0.5 s" in str(tools.find(tool))


@pytest.mark.parametrize("tool", ["prometheus", "promtool"])
def test_a_program_of_another_machine_is_left_out(tmp_path, tool):
    """With a sentence that can be printed, also when a shell has tried to read it."""
    path = program(tmp_path / "bin" / tool)
    path.write_bytes(b"\x7fELF\x1b[2J of another processor")
    sentence = str(tools.find(tool))
    assert sentence.startswith(f"{tool} is left out: {path} does not start: ")
    assert sentence.isprintable()


def test_without_any_source_the_reason_lists_the_attempts():
    """Each source is named once."""
    assert str(tools.find("amtool")) == (
        "amtool is left out: it is not on PATH; there is no apt-get to fetch Debian's package prometheus-alertmanager"
    )


def test_nothing_is_fetched_for_a_program_without_package(tmp_path):
    """A program that cannot run from its package is searched on PATH only."""
    fake_debian(tmp_path / "bin", kcat="kcat")
    assert str(tools.find("kcat")) == "kcat is left out: it is not on PATH"


def test_a_debian_package_is_unpacked_once(tmp_path):
    """The second search uses the unpacked package, also without apt-get."""
    fake_debian(tmp_path / "bin", **{"prometheus-alertmanager": "amtool"})
    path = packages(tmp_path) / "prometheus-alertmanager/usr/bin/amtool"
    assert tools.find("amtool") == path
    (tmp_path / "bin/apt-get").unlink()
    tools.find.cache_clear()
    assert tools.find("amtool") == path


@pytest.mark.parametrize(
    ("split", "package"),
    [
        ({"prometheus": "promtool"}, "prometheus"),  # Debian 12
        ({"prometheus": "prometheus", "promtool": "promtool"}, "promtool"),  # Debian 13
    ],
)
def test_promtool_is_taken_from_the_package_that_holds_it(tmp_path, split, package):
    """Releases split their packages differently."""
    fake_debian(tmp_path / "bin", **split)
    assert tools.find("promtool") == packages(tmp_path) / package / "usr/bin/promtool"


def test_a_package_without_the_program_is_passed_over(tmp_path):
    """An unpacked one is not fetched again, another one is."""
    program(packages(tmp_path) / "prometheus/usr/bin/prometheus")
    fake_debian(tmp_path / "bin", promtool="promtool")
    assert tools.find("promtool") == packages(tmp_path) / "promtool/usr/bin/promtool"
    fake_debian(tmp_path / "bin", other="other")
    (packages(tmp_path) / "promtool/usr/bin/promtool").unlink()
    tools.find.cache_clear()
    assert str(tools.find("promtool")) == (
        "promtool is left out: it is not on PATH; Debian's package promtool has no promtool; "
        "Debian's package prometheus has no promtool"
    )


def test_another_release_uses_separate_packages(monkeypatch, tmp_path):
    """Machines may share a home folder. A system without a version has a folder, too."""
    fake_debian(tmp_path / "bin", promtool="promtool")
    first_path = tools.find("promtool")
    for release in (
        {"ID": "debian", "VERSION_ID": "12"},
        {"ID": "debian", "VERSION_CODENAME": "sid"},
        {"ID": "x"},
    ):
        monkeypatch.setattr(debian.platform, "freedesktop_os_release", lambda release=release: release)
        tools.find.cache_clear()
        assert isinstance(tools.find("promtool"), Path)
        assert tools.find("promtool") != first_path
    assert sorted(entry.name for entry in packages(tmp_path).parent.iterdir()) == [
        "debian-12-x86_64",
        "debian-13-x86_64",
        "debian-sid-x86_64",
        "x-rolling-x86_64",
    ]


@pytest.mark.parametrize("failing", ["apt-get", "dpkg"])
def test_a_failed_fetch_leaves_nothing(tmp_path, failing):
    """A package is there whole or not at all, and the program's first error is passed on as one line."""
    fake_debian(tmp_path / "bin", **{"prometheus-alertmanager": "amtool"})
    program(tmp_path / "bin" / failing, "printf 'W: old\\nE: no such luck\\nE: sorry\\n' >&2; exit 100")
    assert str(tools.find("amtool")).endswith(": E: no such luck")
    assert list(packages(tmp_path).iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_reason(tmp_path):
    """And no traceback."""
    fake_debian(tmp_path / "bin", promtool="promtool")
    (tmp_path / "cache").write_text("")
    assert "Debian's package promtool could not be unpacked: " in str(tools.find("promtool"))


def test_a_package_that_another_process_unpacks_meanwhile_is_used(tmp_path):
    """Both processes have fetched the same package."""
    fake_debian(tmp_path / "bin", promtool="promtool")
    unpacked_path = packages(tmp_path) / "promtool/usr/bin/promtool"
    dpkg = tmp_path / "bin/dpkg"
    dpkg.write_text(
        f'{dpkg.read_text()}mkdir -p {unpacked_path.parent}; cp "$3/usr/bin/promtool" {unpacked_path}\n'
    )
    assert tools.find("promtool") == unpacked_path
    assert [entry.name for entry in packages(tmp_path).iterdir()] == ["promtool"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ('level=error err="open \\"a b\\": no"\nlevel=info msg=bye', 'open "a b": no'),
        ("level=ERROR msg=x error=EOF", "EOF"),
        ("Checking rules.yml\n\nline 5: field not found\n", "line 5: field not found"),
        ("", ""),
    ],
)
def test_the_reason_is_the_last_error_that_was_logged(output, reason):
    """Programs in Go log in logfmt, others end with the error."""
    assert probes.reason(output) == reason


def test_a_test_is_skipped_or_failed_with_the_reason(monkeypatch, request):
    """By CX_TEST_REQUIRE_TOOLS."""
    require = request.getfixturevalue("require")
    monkeypatch.delenv("CX_TEST_REQUIRE_TOOLS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"^kcat is left out: it is not on PATH$"):
        require("kcat")
    monkeypatch.setenv("CX_TEST_REQUIRE_TOOLS", "1")
    with pytest.raises(pytest.fail.Exception, match=r"^kcat is left out: it is not on PATH \(CX_TEST_REQ"):
        require("kcat")


@pytest.mark.tools
@pytest.mark.parametrize("name", sorted(finder.TOOLS))
def test_every_installed_tool_is_found(monkeypatch, request, name):
    """With the real probes on the machine's PATH."""
    monkeypatch.undo()
    tools.find.cache_clear()
    path = request.getfixturevalue("require")(name)
    assert os.access(path, os.X_OK)
