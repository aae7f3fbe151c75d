"""`deadletter replay`: records return to their topics with their first timestamps."""

from collections.abc import Callable

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

from stream.cli import main
from tests.operations.deadletters.conftest import DeadLetterRecord, PublishDeadLetters, answer
from tests.support import NOW, FakeRecord

pytestmark = pytest.mark.kafka
Sent = Callable[[str], list[ConsumerRecord]]


@pytest.fixture
def dead_letters(publish_dead_letters: PublishDeadLetters) -> None:
    publish_dead_letters(
        DeadLetterRecord(answer("c-0", 0)),
        DeadLetterRecord(answer("c-1", 1), "future"),
        DeadLetterRecord(answer("c-2", 2), "late"),
        DeadLetterRecord(answer("c-3", 3), "oversized"),
        DeadLetterRecord(
            FakeRecord(4, NOW, None, b"\x00", [("ce_specversion", b"1.0"), ("cx_forwarded", b"1")]),
            topic="cx.customers",
        ),
        DeadLetterRecord(answer("c-5", 5), topic="another"),
    )


def replay(runner: CliRunner, *arguments: str, code: int = 0) -> str:
    result = runner.invoke(main, ["deadletter", "replay", *arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.usefixtures("dead_letters")
def test_replayed_records_keep_key_value_and_headers(runner: CliRunner, sent: Sent) -> None:
    """The first timestamp is in a header, and headers of dead letters and forwards are removed."""
    output = replay(runner)
    assert output.startswith("2 replayed\n  2 of them cannot be read by this version either")
    for reason in (
        "2 not replayed: future or late",
        "1 not replayed: oversized",
        "1 not replayed: of a webhook or a bridge: send it once more from where it came",
    ):
        assert reason in output
    (feedback,) = sent("feedback")
    assert (feedback.key, feedback.value) == (b"c-0", answer("c-0", 0).value)
    assert feedback.headers == (("origin", b"test"), ("cx_timestamp", b"%d" % NOW))
    assert feedback.timestamp > NOW
    (customers,) = sent("customers")
    assert (customers.key, customers.value) == (None, b"\x00")
    assert customers.headers == (("ce_specversion", b"1.0"), ("cx_timestamp", b"%d" % NOW))


@pytest.mark.usefixtures("dead_letters")
def test_rejudged_records_are_classified_as_of_now(runner: CliRunner, sent: Sent) -> None:
    """With --rejudge future and late records lose their first timestamp."""
    replay(runner, "--rejudge", "--topic", "feedback")
    keys = {record.key: [name for name, _ in record.headers] for record in sent("feedback")}
    assert keys == {b"c-0": ["origin", "cx_timestamp"], b"c-1": ["origin"], b"c-2": ["origin"]}


@pytest.mark.usefixtures("dead_letters")
def test_a_dry_run_sends_nothing(runner: CliRunner, sent: Sent) -> None:
    """It prints the same numbers."""
    assert replay(runner, "--rejudge", "--dry-run").startswith("4 would be replayed\n")
    assert sent("feedback") == []


@pytest.mark.usefixtures("dead_letters")
def test_dead_letters_can_be_replayed_by_position(runner: CliRunner, sent: Sent) -> None:
    """A missing position is an error, after the others were replayed."""
    assert "1 of 2 dead letters do not exist" in replay(runner, "0:0", "0:99", code=1)
    assert [record.key for record in sent("feedback")] == [b"c-0"]
