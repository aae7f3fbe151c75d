"""`deadletter ls` and `show`."""

import pytest
from click.testing import CliRunner

from stream.cli import main
from tests.operations.deadletters.conftest import DeadLetterRecord, PublishDeadLetters, answer
from tests.support import NOW, FakeRecord

pytestmark = pytest.mark.kafka


def run_deadletter(runner: CliRunner, *arguments: str) -> list[list[str]]:
    """Run a command and return the words of each line."""
    result = runner.invoke(main, ["deadletter", *arguments])
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines() if line]


def test_every_dead_letter_has_a_line_and_reasons_are_counted(
    runner: CliRunner, publish_dead_letters: PublishDeadLetters
) -> None:
    """They are sorted by time over all partitions."""
    publish_dead_letters(
        DeadLetterRecord(answer("c-2", 8), partition=1, dead_lettered_at=NOW + 2000),
        DeadLetterRecord(answer("c-1", 7), dead_lettered_at=NOW + 1000),
        DeadLetterRecord(
            FakeRecord(9, NOW, None, b"{"),
            "unknown_type",
            "type: …",
            "cx.tickets",
            dead_lettered_at=NOW + 3000,
        ),
    )
    lines = run_deadletter(runner, "ls")
    assert lines[0] == ["position", "time", "from", "reason", "key", "detail"]
    assert [line[0] for line in lines[1:4]] == ["0:0", "1:0", "0:1"]
    assert lines[1][1:7] == ["2026-09-21", "14:13:21Z", "cx.feedback", "1:7", "invalid", "c-1"]
    assert lines[-3:] == [
        ["cx.feedback", "invalid", "2"],
        ["cx.tickets", "unknown_type", "1"],
        ["3", "of", "3", "dead", "letters"],
    ]


@pytest.mark.parametrize(
    ("options", "positions"),
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
def test_filters_apply_to_list_and_counts(
    runner: CliRunner, publish_dead_letters: PublishDeadLetters, options: list[str], positions: list[str]
) -> None:
    """Filters apply to the list and to the counts."""
    publish_dead_letters(
        DeadLetterRecord(answer("c-0", 0), dead_lettered_at=NOW + 1000),
        DeadLetterRecord(answer("c-1", 1), "future", dead_lettered_at=NOW + 2000),
        DeadLetterRecord(answer("c-2", 2), "late", topic="cx.tickets", dead_lettered_at=NOW + 3000),
    )
    lines = run_deadletter(runner, "ls", *options)
    assert [line[0] for line in lines if ":" in line[0]] == positions
    count = 3 if "--limit" in options else len(positions)
    assert lines[-1] == [str(count), "of", "3", "dead", "letters"]


def test_dead_letters_of_webhooks_and_bridged_topics_are_selected_by_their_source(
    runner: CliRunner, publish_dead_letters: PublishDeadLetters
) -> None:
    """A source that has none is named, with those that have some."""
    publish_dead_letters(
        DeadLetterRecord(answer("c-0", 0), topic="hooks/stripe", dead_lettered_at=NOW + 1000),
        DeadLetterRecord(answer("c-1", 1), topic="shop.Orders_v1", dead_lettered_at=NOW + 2000),
    )
    for topic, position in (("hooks/stripe", "0:0"), ("shop.Orders_v1", "0:1")):
        lines = run_deadletter(runner, "ls", "--topic", topic)
        assert [line[0] for line in lines if ":" in line[0]] == [position]
    lines = run_deadletter(runner, "ls", "--topic", "hooks/strip", "--topic", "hooks/stripe")
    text = "no dead letters from hooks/strip; there are some from hooks/stripe, shop.Orders_v1"
    assert lines[-2] == text.split()


def test_show_prints_everything_about_a_dead_letter(
    runner: CliRunner, publish_dead_letters: PublishDeadLetters
) -> None:
    """Control characters are escaped. --raw prints the value only."""
    publish_dead_letters(
        DeadLetterRecord(
            FakeRecord(41, NOW, b"\x1b[2J", b'{"a":\x1b[31m\n\xff', [("ce_id", b"7")]), dead_lettered_at=NOW
        )
    )
    result = runner.invoke(main, ["deadletter", "show", "0:0"])
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    expected = {"reason invalid", r"key \x1b[2J", "from cx.feedback 1:41", "header ce_id 7"}
    assert lines >= {*expected, "first timestamp 2026-09-21 14:13:20Z"}
    assert result.stdout.endswith('{"a":\\x1b[31m\n\\xff\n')
    raw = runner.invoke(main, ["deadletter", "show", "--raw", "0:0"])
    assert raw.stdout_bytes == b'{"a":\x1b[31m\n\xff'


@pytest.mark.parametrize("position", ["0:7", "9:0", "0:1"])
def test_a_position_without_a_dead_letter_is_refused(
    runner: CliRunner, publish_dead_letters: PublishDeadLetters, position: str
) -> None:
    """After the end, in no partition, and at the end of a transaction."""
    publish_dead_letters(DeadLetterRecord(answer("c", 0)))
    result = runner.invoke(main, ["deadletter", "show", position])
    assert result.exit_code == 1
    assert f"no dead letter at {position}" in result.stderr


def test_invalid_positions_and_times_are_refused(runner: CliRunner) -> None:
    """The error names the allowed values."""
    for arguments, text in (
        (["show", "7"], "PARTITION:OFFSET"),
        (["ls", "--topic", "hooks/"], "'hooks/' is no topic; allowed are feedback, tickets, customers"),
        (["ls", "--since", "yesterday"], "neither a duration"),
        (["ls", "--since", "2026-09-21T14:13:22"], "neither a duration"),
    ):
        result = runner.invoke(main, ["deadletter", *arguments])
        assert result.exit_code == 2
        assert text in result.stderr


def test_a_missing_topic_is_reported(environ: dict[str, str]) -> None:
    """The exit code is 4, and the error names the topic."""
    result = CliRunner(env=environ).invoke(main, ["deadletter", "ls"])
    assert result.exit_code == 4
    assert f"missing topic: {environ['CXGAUGE_TOPICS_DEADLETTER']}" in result.stderr
