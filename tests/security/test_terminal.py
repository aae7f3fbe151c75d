"""Values from outside do not steer the terminal or forge lines of a log."""

import io
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from stream import logs
from stream.cli import main
from stream.cli.output import echo
from stream.cli.top.command import screen
from stream.cli.top.figures import MetricsSnapshot
from stream.text import printable, printable_lines

pytestmark = pytest.mark.attack("terminal: hostile values", fails="leaked")

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "\x1b]0;PWNED\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x00",
    "\x08\x7f",
    "\u202eevil\u202c",
    "\u2066\u2069",
    "two\nlines",
    "\r",
    "\u2028\u2029",
    "\ud800",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_control_characters_are_escaped(value: str) -> None:
    """What is left is printable and tells what it was."""
    shown = printable(f"a{value}b")
    assert shown.isprintable()
    assert shown.startswith("a")
    assert "\\" in shown


def test_other_text_is_left_as_it_is() -> None:
    """Letters of all scripts, and spaces of other widths."""
    for text in ("", "é 日本語 العربية 😀", "95\u202f% of\u00a01"):
        assert printable(text) == text
    assert printable(None) == ""
    assert printable(b"\xff\x1b") == "\\xff\\x1b"
    assert printable_lines("a\nb\x1b") == "a\nb\\x1b"


@pytest.mark.parametrize("value", HOSTILE)
def test_commands_escape_their_output(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"reason {value}")
    echo(f"reason {value}", err=True)
    for text in capsys.readouterr():
        assert all(line.isprintable() for line in text.split("\n"))


def test_a_service_escapes_the_reason_of_its_end() -> None:
    """Worker and bridge end at once with a text that may have come from a broker."""
    code = "from stream.ending import end; end('worker', 3, 'reason \\x1b[2J\\nsecond line')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == "cxgauge worker: reason \\x1b[2J\nsecond line\n"


def test_every_command_writes_by_the_same_function() -> None:
    """Click and print would write a value as it came."""
    calls = re.compile(r"click\.(echo|secho)\(|\bprint\(")
    files = [path for path in (ROOT / "stream" / "cli").rglob("*.py") if path.name != "output.py"]
    assert len(files) > 20
    writers = {str(path) for path in files if calls.search(path.read_text(encoding="utf-8"))}
    assert writers == {str(ROOT / "stream" / "cli" / "top" / "command.py")}, "which prints a screen of rich"


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the commands of a group and of the groups below it, with their names."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


COMMANDS = dict(leaves(main))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_errors_of_arguments_are_escaped(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every option and argument of every command, and of options that it does not have."""
    command, shown = COMMANDS[path], 0
    monkeypatch.setattr(command, "callback", lambda **_: None)
    options = [name for option in command.params for name in option.opts if name.startswith("-")]
    for value in HOSTILE:
        for arguments in ([f"--{value}"], [value] * 3, *([name, value] for name in options)):
            result = CliRunner().invoke(main, [*path, *arguments], color=True)
            lines = result.output.replace("\n\t", "\n").split("\n")  # click indents choices by tabs
            assert all(line.isprintable() for line in lines), result.output
            shown += "\\" in result.output
    assert shown


@pytest.mark.parametrize("value", [value for value in HOSTILE if value != "\ud800"])
def test_top_escapes_labels(value: str) -> None:
    """Rich takes some control characters out, but not all. Texts of incidents contain labels, too."""
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    labels = f'view="channel",channel="{escaped}",window="1h"'
    text = f"# TYPE cx_nps_score gauge\ncx_nps_score{{{labels}}} 5\n"
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    console.print(screen(MetricsSnapshot(text, "channel", "1h"), [value], "http://x", "channel", "1h"))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.count(printable(value)[:4]) >= 2


def test_a_log_entry_is_one_printable_line() -> None:
    """A forged line would look like one of ours. Tracebacks keep their lines."""
    record = logging.LogRecord("x", logging.INFO, "", 0, "got %s", ("a\n2026 ERROR forged \x1b[2J",), None)
    formatter = logs.PrintableFormatter("%(levelname)s %(message)s")
    assert formatter.format(record) == "INFO got a\\n2026 ERROR forged \\x1b[2J"
    try:
        int("odd \x1b")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    lines = formatter.format(record).split("\n")
    assert len(lines) > 3
    assert all(line.isprintable() for line in lines)
