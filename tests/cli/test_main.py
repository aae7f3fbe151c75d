"""The command `cxgauge` itself: help, configuration, exit codes."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stream import cli, config, errors
from stream.config.settings import keys

pytestmark = pytest.mark.fresh


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_help_lists_every_command_without_importing_one() -> None:
    """Commands are imported when they run, so that --help is fast."""
    code = (
        "import sys; from stream.cli import COMMANDS, main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'aiokafka', 'faust', 'msgspec', 'rich', 'asyncio', 'aiohttp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    command_list = result.stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in command_list.splitlines() if line.strip()] == list(cli.COMMANDS)


def test_a_missing_command_is_an_error(runner: CliRunner) -> None:
    """Without a command the exit code is 2."""
    assert runner.invoke(cli.main).exit_code == 2
    result = runner.invoke(cli.main, ["--config", "x.toml"])
    assert result.exit_code == 2
    assert "Missing command" in result.stderr


def test_an_unknown_command_is_an_error(runner: CliRunner) -> None:
    """The exit code is 2, and the error names the command."""
    result = runner.invoke(cli.main, ["gauge"])
    assert result.exit_code == 2
    assert "No such command 'gauge'" in result.stderr


def test_a_good_configuration_passes_the_check(runner: CliRunner) -> None:
    """One line with the hash of the settings that change figures, and exit code 0."""
    result = runner.invoke(cli.main, ["--check-config"])
    assert result.exit_code == 0
    assert config.config_hash(config.Settings()) in result.stdout


def test_a_bad_configuration_fails_the_check(runner: CliRunner, tmp_path: Path) -> None:
    """All errors are on stderr, with exit code 2 and without a traceback."""
    path = tmp_path / "my.toml"
    path.write_text("[topics]\npartitions = 0\nfeedbak = 'x'\n")
    result = runner.invoke(cli.main, ["--config", str(path), "--check-config"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "Error: 2 faults\n"
        f"  topics.feedbak: unknown key, did you mean 'topics.feedback' ({path})\n"
        f"  topics.partitions: got 0, allowed is a whole number from 1 to 10000 ({path})\n"
    )


def test_a_bad_mapping_of_a_webhook_fails_the_check(runner: CliRunner, tmp_path: Path) -> None:
    """As it would end the intake."""
    mapping = '[[event]]\ntype = "cx.ticket.created.v1"\nid = "{id}"\ntime = "{at}"\n[event.data]\nticketid = "{id}"\n'
    (tmp_path / "desk.toml").write_text(f'source = "/desk"\n{mapping}')
    path = tmp_path / "cxgauge.toml"
    path.write_text(
        '[intake.hooks.desk]\nmapping = "desk.toml"\nverify = "standard"\nsecrets = ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"]\n'
    )
    result = runner.invoke(cli.main, ["--config", str(path), "--check-config"])
    assert result.exit_code == 2, result.output
    assert "intake.hooks.desk.mapping: " in result.stderr
    assert "ticketid" in result.stderr


@pytest.mark.parametrize("section", ["exporter", "intake"])
def test_a_bad_web_config_fails_the_check(runner: CliRunner, tmp_path: Path, section: str) -> None:
    """As it would end the service."""
    (tmp_path / "web.yml").write_text("basic_auth_user: {}")
    path = tmp_path / "cxgauge.toml"
    path.write_text(f'[{section}]\nweb_config = "web.yml"')
    result = runner.invoke(cli.main, ["--config", str(path), "--check-config"])
    assert result.exit_code == 2, result.output
    assert f"{section}.web_config: {tmp_path}/web.yml: basic_auth_user: is not supported" in result.stderr


def test_the_configuration_can_be_printed(runner: CliRunner) -> None:
    """The settings in force are printed as a configuration file."""
    result = runner.invoke(cli.main, ["--print-config"], env={"CXGAUGE_WORKER_FLUSH_INTERVAL": "1s"})
    assert result.exit_code == 0
    assert tomllib.loads(result.stdout)["worker"]["flush_interval"] == "1s"


def test_the_printed_configuration_names_every_setting(runner: CliRunner) -> None:
    """An optional setting without a value is a comment."""
    printed = runner.invoke(cli.main, ["--print-config"], env={"CXGAUGE_WORKER_INSTANCE": "w-1"}).stdout
    sections = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", printed, re.MULTILINE | re.DOTALL))
    for key in keys():
        section, _, name = key.rpartition(".")
        assert re.search(rf"^(# )?{name} =|^\[{name}\]$", sections.get(section, printed), re.MULTILINE), key
    assert "# sasl_password =\n" in sections["kafka"]
    assert 'instance = "w-1"\n' in sections["worker"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(errors.CxgaugeError, 1), (errors.ConfigError, 2), (errors.Fenced, 3), (errors.PreconditionFailed, 4)],
)
def test_errors_have_exit_codes(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, error: type[errors.CxgaugeError], code: int
) -> None:
    """An error is its message on stderr and its exit code."""

    @click.command()
    def failing() -> None:
        raise error("so it is")

    monkeypatch.setattr(cli, "import_module", lambda _: type("module", (), {"broker": failing}))
    result = runner.invoke(cli.main, ["broker"])
    assert result.exit_code == code
    assert result.stderr == "Error: so it is\n"
