"""The units of systemd: their settings, and what systemd itself says about them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.cli import COMMANDS
from stream.config import load
from stream.config.load import VARIABLES
from stream.errors import ConfigError
from stream.intake.server import SHUTDOWN_TIMEOUT
from stream.intake.sink import STOP_TIMEOUT
from stream.worker.service import DRAIN_TIMEOUT
from tests.deploy.project import ROOT

pytestmark = pytest.mark.fresh

UNITS = {path.stem.removeprefix("cxgauge-"): path for path in (ROOT / "deploy/systemd").glob("*.service")}
CONFINEMENT = ROOT / "deploy/systemd/cxgauge-.service.d/10-confinement.conf"
PAGE = (ROOT / "deploy/docs/without-containers.md").read_text()
MAX_EXPOSURE = 1.5
every_unit = pytest.mark.parametrize("service", ["worker", "exporter", "intake"])


def values(service: str, key: str) -> list[str]:
    """Return the values of a key in a unit, in their order."""
    return re.findall(rf"^{key}=(.*)$", UNITS[service].read_text(), flags=re.MULTILINE)


def test_there_is_a_unit_for_every_service() -> None:
    assert set(UNITS) == {"worker", "exporter", "intake"}


@every_unit
def test_the_command_is_installed_where_the_page_says(service: str) -> None:
    assert values(service, "ExecStart") == [f"/opt/cxgauge/bin/cxgauge {service}"]
    assert service in COMMANDS
    assert "python3 -m venv /opt/cxgauge\n" in PAGE


@every_unit
def test_a_wrong_setting_is_not_tried_twice(service: str) -> None:
    """Other failures are, for ever. systemd waits longer for the end than the service needs."""
    assert values(service, "RestartPreventExitStatus") == [str(ConfigError.exit_code)]
    assert (values(service, "Restart"), values(service, "StartLimitIntervalSec")) == (["always"], ["0"])
    needed = {"worker": DRAIN_TIMEOUT, "intake": SHUTDOWN_TIMEOUT + STOP_TIMEOUT, "exporter": 0.0}
    assert int(*values(service, "TimeoutStopSec")) > needed[service]


@every_unit
def test_files_are_those_of_the_page(service: str) -> None:
    assert values(service, "EnvironmentFile") == ["-/etc/cxgauge/cxgauge.env"]
    assert values(service, "WorkingDirectory") == ["/etc/cxgauge"]
    assert "`/etc/cxgauge/cxgauge.env`" in PAGE
    assert "`/etc/cxgauge/cxgauge.toml`" in PAGE


def test_the_drop_in_of_the_page_names_settings_and_passed_files() -> None:
    drop_in = drop_in_of("without-containers.md")
    passed = dict(re.findall(r"^LoadCredential=([\w.]+):(/etc/cxgauge/[\w.]+)$", drop_in, flags=re.MULTILINE))
    used = re.findall(r"^Environment=(\w+)=(%d|/etc/cxgauge)/([\w.]+)$", drop_in, flags=re.MULTILINE)
    assert {variable for variable, *_ in used} <= VARIABLES.keys()
    assert {name for _, folder, name in used if folder == "%d"} <= passed.keys()
    assert len(drop_in.splitlines()) == 1 + len(passed) + len(used)


def test_the_example_of_variables_is_valid() -> None:
    """Also with the variables that are comments."""
    text = (ROOT / "deploy/systemd/cxgauge.env").read_text()
    variables = dict(re.findall(r"^#?(CXGAUGE_\w+)=(.*)$", text, flags=re.MULTILINE))
    assert load(None, variables | {"CXGAUGE_KAFKA_SASL_PASSWORD": "x"}).kafka.security_protocol == "SASL_SSL"
    given = dict(re.findall(r"^(CXGAUGE_\w+)=(.*)$", text, flags=re.MULTILINE))
    assert load(None, given).kafka.security_protocol == "PLAINTEXT"


def test_confinement_is_written_once() -> None:
    """Without the drop-in a service still runs as a user without rights. `systemctl edit` writes override.conf, which sorts later."""
    shared = set(re.findall(r"^\w+=", CONFINEMENT.read_text(), flags=re.MULTILINE))
    for service, path in UNITS.items():
        assert not shared & set(re.findall(r"^\w+=", path.read_text(), flags=re.MULTILINE))
        assert values(service, "DynamicUser") == ["yes"]
    assert CONFINEMENT.name < "override.conf"
    assert f"/opt/cxgauge/deploy/systemd/{CONFINEMENT.parent.name} " in PAGE


def drop_in_of(page: str) -> str:
    """Return the first drop-in on a page of deploy/docs."""
    return (ROOT / "deploy/docs" / page).read_text().partition("```ini\n")[2].partition("```")[0]


def test_the_drop_in_for_state_on_disk_makes_the_folder_that_it_names() -> None:
    """It is not that of `cxgauge up`, which runs as another user. %H is the name of the machine."""
    drop_in = drop_in_of("state.md").replace("%H", "machine-1")
    variables = dict(re.findall(r"^Environment=(\w+)=(.*)$", drop_in, flags=re.MULTILINE))
    (folder,) = re.findall(r"^StateDirectory=(.*)$", drop_in, flags=re.MULTILINE)
    worker = load(None, variables).worker
    assert (worker.state_dir, worker.instance) == (Path("/var/lib") / folder, "machine-1")
    assert f"StateDirectory={folder}\n" not in (ROOT / "deploy/docs/one-machine.md").read_text()


@pytest.mark.tools
@pytest.mark.parametrize(
    ("service", "page"),
    [(service, "without-containers.md") for service in UNITS] + [("worker", "state.md")],
)
def test_systemd_accepts_the_unit(
    require: Callable[[str], Path], service: str, page: str, tmp_path: Path
) -> None:
    """With a program that exists here, and with the drop-in of a page."""
    program = Path(sys.executable).with_name("cxgauge")
    copy = tmp_path / UNITS[service].name
    copy.write_text(UNITS[service].read_text().replace("/opt/cxgauge/bin/cxgauge", str(program)))
    shutil.copytree(CONFINEMENT.parent, tmp_path / CONFINEMENT.parent.name)
    drop_in = tmp_path / f"{copy.name}.d/override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(drop_in_of(page))
    command = [require("systemd-analyze"), "verify", "--man=no", copy]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.tools
@every_unit
def test_the_service_is_confined(require: Callable[[str], Path], service: str) -> None:
    """By the rating of systemd, from 0 (safe) to 10, without a running systemd."""
    command = [require("systemd-analyze"), "security", "--offline=true", "--no-pager", UNITS[service]]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rating = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", text)
    assert rating
    assert float(rating[1]) <= MAX_EXPOSURE
