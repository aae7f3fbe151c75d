"""`deadletter purge`: dead letters of a customer are removed, all others stay unchanged."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, RequestTimedOutError, TopicAuthorizationFailedError
from click.testing import CliRunner

from stream.cli import main
from stream.config import load
from stream.kafka.admin import describe
from stream.kafka.topics import topics
from stream.operations.deadletters import segments
from stream.operations.deadletters.dead_letter import DeadLetter
from stream.operations.deadletters.reading import open_reader, read_dead_letters
from tests.operations.deadletters.conftest import DeadLetterRecord, PublishDeadLetters, answer
from tests.support import NOW

pytestmark = pytest.mark.kafka


def read_all(environ: dict[str, str]) -> list[DeadLetter]:
    """Return all dead letters, partition by partition."""

    async def read() -> list[DeadLetter]:
        async with open_reader(load(None, environ)) as (consumer, offset_ranges):
            return [dead_letter async for dead_letter in read_dead_letters(consumer, offset_ranges)]

    return sorted(asyncio.run(read()))


def purge(runner: CliRunner, *arguments: str, code: int = 0) -> str:
    result = runner.invoke(main, ["deadletter", "purge", *arguments])
    assert result.exit_code == code, result.output
    return result.output


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, method: str, error: KafkaError) -> Iterator[None]:
    """Make a method of the admin client fail within the block."""

    async def raise_error(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(AIOKafkaAdminClient, method, raise_error)
        yield


@pytest.fixture
def mixed_dead_letters(publish_dead_letters: PublishDeadLetters) -> None:
    """Dead letters of several customers in two partitions."""
    publish_dead_letters(
        DeadLetterRecord(answer("c-1", 0), dead_lettered_at=NOW + 1),
        DeadLetterRecord(answer("gone", 1), dead_lettered_at=NOW + 2),
        DeadLetterRecord(answer("c-2", 2), "late", dead_lettered_at=NOW + 3),
        DeadLetterRecord(answer("c-3", 3, key=None, comment="as gone said"), dead_lettered_at=NOW + 4),
        DeadLetterRecord(answer("c-4", 4), dead_lettered_at=NOW + 5),
        DeadLetterRecord(answer("c-5", 5), partition=1, dead_lettered_at=NOW + 6),
    )


@pytest.mark.usefixtures("mixed_dead_letters")
def test_dead_letters_of_others_are_unchanged(runner: CliRunner, environ: dict[str, str]) -> None:
    """Key, value, headers and timestamp are equal. A partition without removals is not rewritten."""
    before = {dead_letter.digest: dead_letter for dead_letter in read_all(environ)}
    assert purge(runner, "gone", "--dry-run") == "2 would be removed, 3 of others would be moved\n"
    assert {dead_letter.digest: dead_letter for dead_letter in read_all(environ)} == before
    assert purge(runner, "gone") == "2 removed, 3 of others moved\n"
    after = read_all(environ)
    assert sorted(dead_letter.key or b"" for dead_letter in after) == [b"c-1", b"c-2", b"c-4", b"c-5"]
    assert all(dead_letter[2:] == before[dead_letter.digest][2:] for dead_letter in after)
    unmoved_positions = [
        dead_letter.position for dead_letter in after if dead_letter == before[dead_letter.digest]
    ]
    assert unmoved_positions == ["1:0"]
    assert purge(runner, "gone") == "0 removed, 0 of others moved\n"
    assert read_all(environ) == after


@pytest.mark.usefixtures("mixed_dead_letters")
def test_a_purge_after_a_crash_removes_the_copies(
    runner: CliRunner, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two interrupted runs there are copies, which the next run removes."""
    digests = {dead_letter.digest for dead_letter in read_all(environ)}
    with failing(monkeypatch, "delete_records", RequestTimedOutError()):
        purge(runner, "gone", code=1)
        purge(runner, "gone", code=1)
    assert len(read_all(environ)) == 12
    assert {dead_letter.digest for dead_letter in read_all(environ)} == digests
    assert purge(runner, "gone") == "2 removed, 3 of others moved\n"
    assert sorted(dead_letter.key or b"" for dead_letter in read_all(environ)) == [
        b"c-1",
        b"c-2",
        b"c-4",
        b"c-5",
    ]


@pytest.mark.usefixtures("mixed_dead_letters")
def test_without_the_permission_to_alter_the_topic_the_purge_warns(
    runner: CliRunner, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers no longer see them, and the warning says that they may still be on disk."""
    with failing(monkeypatch, "alter_configs", TopicAuthorizationFailedError()):
        assert "refused to begin new segments" in purge(runner, "--customer", "gone", code=1)
    assert len(read_all(environ)) == 4


def settings_of(environ: dict[str, str]) -> dict[str, str]:
    """Return all settings of the topic, defaults included."""

    async def read() -> dict[str, str]:
        settings = load(None, environ)
        descriptions = await describe(
            settings, [spec for spec in topics(settings) if spec.role == "deadletter"]
        )
        return dict(descriptions[settings.topics.deadletter].configs)

    return asyncio.run(read())


@pytest.mark.usefixtures("mixed_dead_letters")
def test_the_settings_of_the_topic_are_restored(
    runner: CliRunner, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rolling segments changes settings for a moment. The next purge restores them after a kill."""
    before = settings_of(environ)
    alter, calls = segments._alter, []

    async def alter_failing_once(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise RequestTimedOutError
        await alter(*arguments)

    monkeypatch.setattr(segments, "_alter", alter_failing_once)
    purge(runner, "gone", code=1)
    assert settings_of(environ) == before | segments.ROLL_AT_ONCE
    assert purge(runner, "gone").startswith("2 removed")
    assert settings_of(environ) == before


def test_a_purge_by_key_removes_records_with_that_key(
    runner: CliRunner, environ: dict[str, str], publish_dead_letters: PublishDeadLetters
) -> None:
    """Dead letters of a ticket without a customer are removed, records that mention it are not."""
    publish_dead_letters(
        DeadLetterRecord(answer("c-1", 0, key="t-9")), DeadLetterRecord(answer("t-9", 1, key="c-1"))
    )
    assert purge(runner, "--key", "t-9").startswith("1 removed")
    assert [dead_letter.key for dead_letter in read_all(environ)] == [b"c-1"]


def test_a_purge_of_several_transactions_keeps_the_order(
    runner: CliRunner,
    environ: dict[str, str],
    publish_dead_letters: PublishDeadLetters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The copies are in their former order."""
    monkeypatch.setattr("stream.operations.deadletters.purging.COPIES_AT_ONCE", 3)
    publish_dead_letters(
        *(
            DeadLetterRecord(answer("gone" if n == 10 else f"c-{n}", n), dead_lettered_at=NOW + n)
            for n in range(12)
        )
    )
    assert purge(runner, "gone").startswith("1 removed, 11 ")
    times = [dead_letter.dead_lettered_at - NOW for dead_letter in read_all(environ)]
    assert times == [*range(10), 11]


@pytest.mark.parametrize("arguments", [[], [""], ["--customer", ""], ["c-1", "--key", ""]])
def test_an_empty_id_is_refused(runner: CliRunner, arguments: list[str]) -> None:
    """An empty ID would match everything."""
    assert "CUSTOMER, --customer or --key is missing or empty" in purge(runner, *arguments, code=2)
