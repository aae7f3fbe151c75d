"""`deadletter replay`: back to where they came from, judged by their first timestamps."""

from collections.abc import Callable

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

from stream.cli import main
from tests.operations.deadletters.conftest import Buried, Bury, answer
from tests.support import NOW, FakeRecord

pytestmark = pytest.mark.kafka
Sent = Callable[[str], list[ConsumerRecord]]


@pytest.fixture
def letters(laid: Bury) -> None:
    laid(
        Buried(answer("c-0", 0)),
        Buried(answer("c-1", 1), "future"),
        Buried(answer("c-2", 2), "late"),
        Buried(answer("c-3", 3), "oversized"),
        Buried(
            FakeRecord(4, NOW, None, b"\x00", [("ce_specversion", b"1.0"), ("cx_forwarded", b"1")]),
            topic="cx.customers",
        ),
        Buried(answer("c-5", 5), topic="another"),
    )


def replay(runner: CliRunner, *arguments: str, code: int = 0) -> str:
    result = runner.invoke(main, ["deadletter", "replay", *arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.usefixtures("letters")
def test_key_value_and_headers_are_as_they_came(runner: CliRunner, sent: Sent) -> None:
    """With the first timestamp in a header, without what only dead letters and forwards have."""
    said = replay(runner)
    assert said.startswith("2 replayed\n  2 of them cannot be read by this version either")
    for why in (
        "2 not replayed: future or late",
        "1 not replayed: oversized",
        "1 not replayed: the header cx_topic names no known topic",
    ):
        assert why in said
    (feedback,) = sent("feedback")
    assert (feedback.key, feedback.value) == (b"c-0", answer("c-0", 0).value)
    assert feedback.headers == (("origin", b"test"), ("cx_timestamp", b"%d" % NOW))
    assert feedback.timestamp > NOW
    (customers,) = sent("customers")
    assert (customers.key, customers.value) == (None, b"\x00")
    assert customers.headers == (("ce_specversion", b"1.0"), ("cx_timestamp", b"%d" % NOW))


@pytest.mark.usefixtures("letters")
def test_what_was_future_or_late_is_judged_as_of_now(runner: CliRunner, sent: Sent) -> None:
    """With --rejudge, and only that without its first timestamp."""
    replay(runner, "--rejudge", "--topic", "feedback")
    keys = {record.key: [name for name, _ in record.headers] for record in sent("feedback")}
    assert keys == {b"c-0": ["origin", "cx_timestamp"], b"c-1": ["origin"], b"c-2": ["origin"]}


@pytest.mark.usefixtures("letters")
def test_a_dry_run_sends_nothing(runner: CliRunner, sent: Sent) -> None:
    """And says the same numbers."""
    assert replay(runner, "--rejudge", "--dry-run").startswith("4 would be replayed\n")
    assert sent("feedback") == []


@pytest.mark.usefixtures("letters")
def test_letters_by_their_places(runner: CliRunner, sent: Sent) -> None:
    """One that is not there is an error, after the others went."""
    assert "1 of 2 dead letters do not exist" in replay(runner, "0:0", "0:99", code=1)
    assert [record.key for record in sent("feedback")] == [b"c-0"]
