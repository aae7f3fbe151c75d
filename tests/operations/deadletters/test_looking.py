"""`deadletter ls` and `show`: what is there, and why."""

import pytest
from click.testing import CliRunner

from stream.cli import main
from tests.operations.deadletters.conftest import Buried, Bury, answer
from tests.support import NOW, FakeRecord

pytestmark = pytest.mark.kafka


def told(runner: CliRunner, *arguments: str) -> list[list[str]]:
    """The words of each line that has any."""
    result = runner.invoke(main, ["deadletter", *arguments])
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines() if line]


def test_every_letter_has_a_line_and_kinds_are_counted(runner: CliRunner, laid: Bury) -> None:
    """The newest last, whatever partition they are in."""
    laid(
        Buried(answer("c-2", 8), partition=1, at=NOW + 2000),
        Buried(answer("c-1", 7), at=NOW + 1000),
        Buried(FakeRecord(9, NOW, None, b"{"), "unknown_type", "type: …", "cx.tickets", at=NOW + 3000),
    )
    lines = told(runner, "ls")
    assert lines[0] == ["position", "time", "from", "reason", "key", "detail"]
    assert [line[0] for line in lines[1:4]] == ["0:0", "1:0", "0:1"]
    assert lines[1][1:7] == ["2026-09-21", "14:13:21Z", "cx.feedback", "1:7", "invalid", "c-1"]
    assert lines[-3:] == [
        ["cx.feedback", "invalid", "2"],
        ["cx.tickets", "unknown_type", "1"],
        ["3", "of", "3", "dead", "letters"],
    ]


@pytest.mark.parametrize(
    ("options", "places"),
    [
        (["--reason", "future", "--reason", "late"], ["0:1", "0:2"]),
        (["--topic", "tickets"], ["0:2"]),
        (["--topic", "cx.tickets", "--reason", "invalid"], []),
        (["--since", "2026-09-21T14:13:22Z"], ["0:1", "0:2"]),
        (["--until", "2026-09-21T14:13:22+00:00", "--key", "c-0"], ["0:0"]),
        (["--since", "1s"], []),
        (["--limit", "1"], ["0:2"]),
        (["--limit", "0"], []),
    ],
)
def test_filters(runner: CliRunner, laid: Bury, options: list[str], places: list[str]) -> None:
    """Each narrows what is listed; counts are of what is left."""
    laid(
        Buried(answer("c-0", 0), at=NOW + 1000),
        Buried(answer("c-1", 1), "future", at=NOW + 2000),
        Buried(answer("c-2", 2), "late", topic="cx.tickets", at=NOW + 3000),
    )
    lines = told(runner, "ls", *options)
    assert [line[0] for line in lines if ":" in line[0]] == places
    counted = 3 if "--limit" in options else len(places)
    assert lines[-1] == [str(counted), "of", "3", "dead", "letters"]


def test_a_letter_with_all_that_is_known_of_it(runner: CliRunner, laid: Bury) -> None:
    """Nothing in it can steer the terminal; --raw is the value and nothing else."""
    laid(Buried(FakeRecord(41, NOW, b"\x1b[2J", b'{"a":\x1b[31m\n\xff', [("ce_id", b"7")]), at=NOW))
    result = runner.invoke(main, ["deadletter", "show", "0:0"])
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    wanted = {"reason invalid", r"key \x1b[2J", "from cx.feedback 1:41", "header ce_id 7"}
    assert lines >= {*wanted, "first timestamp 2026-09-21 14:13:20Z"}
    assert result.stdout.endswith('{"a":\\x1b[31m\n\\xff\n')
    raw = runner.invoke(main, ["deadletter", "show", "--raw", "0:0"])
    assert raw.stdout_bytes == b'{"a":\x1b[31m\n\xff'


@pytest.mark.parametrize("place", ["0:7", "9:0", "0:1"])
def test_where_nothing_lies(runner: CliRunner, laid: Bury, place: str) -> None:
    """Past the end, in no partition, and where a transaction ends."""
    laid(Buried(answer("c", 0)))
    result = runner.invoke(main, ["deadletter", "show", place])
    assert result.exit_code == 1
    assert f"no dead letter at {place}" in result.stderr


def test_what_is_no_place_and_no_time(runner: CliRunner) -> None:
    """Said with what is allowed."""
    for arguments, text in (
        (["show", "7"], "PARTITION:OFFSET"),
        (["ls", "--since", "yesterday"], "neither a duration"),
        (["ls", "--since", "2026-09-21T14:13:22"], "neither a duration"),
    ):
        result = runner.invoke(main, ["deadletter", *arguments])
        assert result.exit_code == 2
        assert text in result.stderr


def test_without_the_topic(environ: dict[str, str]) -> None:
    """Exit 4, naming it."""
    result = CliRunner(env=environ).invoke(main, ["deadletter", "ls"])
    assert result.exit_code == 4
    assert f"missing topic: {environ['CXGAUGE_TOPICS_DEADLETTER']}" in result.stderr
