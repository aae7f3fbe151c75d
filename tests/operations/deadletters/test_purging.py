"""`deadletter purge`: somebody's letters go, everybody else's stay as they are."""

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
from tests.operations.deadletters.conftest import Buried, Bury, answer
from tests.support import NOW

pytestmark = pytest.mark.kafka


def there(environ: dict[str, str]) -> list[DeadLetter]:
    """Every letter, partition by partition."""

    async def read() -> list[DeadLetter]:
        async with open_reader(load(None, environ)) as (consumer, spans):
            return [one async for one in read_dead_letters(consumer, spans)]

    return sorted(asyncio.run(read()))


def purge(runner: CliRunner, *arguments: str, code: int = 0) -> str:
    result = runner.invoke(main, ["deadletter", "purge", *arguments])
    assert result.exit_code == code, result.output
    return result.output


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, method: str, error: KafkaError) -> Iterator[None]:
    """As long as it lasts the broker refuses what an admin client asks."""

    async def refuse(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(AIOKafkaAdminClient, method, refuse)
        yield


@pytest.fixture
def mixed(laid: Bury) -> None:
    """Two partitions of theirs and others'; one whose letters are all others'."""
    laid(
        Buried(answer("c-1", 0), at=NOW + 1),
        Buried(answer("gone", 1), at=NOW + 2),
        Buried(answer("c-2", 2), "late", at=NOW + 3),
        Buried(answer("c-3", 3, key=None, comment="as gone said"), at=NOW + 4),
        Buried(answer("c-4", 4), at=NOW + 5),
        Buried(answer("c-5", 5), partition=1, at=NOW + 6),
    )


@pytest.mark.usefixtures("mixed")
def test_letters_of_others_keep_everything(runner: CliRunner, environ: dict[str, str]) -> None:
    """Key, value, headers, timestamp; where nothing goes, nothing moves."""
    before = {one.digest: one for one in there(environ)}
    assert purge(runner, "gone", "--dry-run") == "2 would be removed, 3 of others would be moved\n"
    assert {one.digest: one for one in there(environ)} == before
    assert purge(runner, "gone") == "2 removed, 3 of others moved\n"
    after = there(environ)
    assert sorted(one.key or b"" for one in after) == [b"c-1", b"c-2", b"c-4", b"c-5"]
    assert all(one[2:] == before[one.digest][2:] for one in after)
    unmoved = [one.position for one in after if one == before[one.digest]]
    assert unmoved == ["1:0"]
    assert purge(runner, "gone") == "0 removed, 0 of others moved\n"
    assert there(environ) == after


@pytest.mark.usefixtures("mixed")
def test_after_a_crash_between_copying_and_deleting(
    runner: CliRunner, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters are there twice, and once again when it is repeated."""
    whole = {one.digest for one in there(environ)}
    with failing(monkeypatch, "delete_records", RequestTimedOutError()):
        purge(runner, "gone", code=1)
        purge(runner, "gone", code=1)
    assert len(there(environ)) == 12
    assert {one.digest for one in there(environ)} == whole
    assert purge(runner, "gone") == "2 removed, 3 of others moved\n"
    assert sorted(one.key or b"" for one in there(environ)) == [b"c-1", b"c-2", b"c-4", b"c-5"]


@pytest.mark.usefixtures("mixed")
def test_without_the_right_to_change_the_topic(
    runner: CliRunner, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are gone for every reader, and it is said that the disk is another matter."""
    with failing(monkeypatch, "alter_configs", TopicAuthorizationFailedError()):
        assert "refused to begin new segments" in purge(runner, "--customer", "gone", code=1)
    assert len(there(environ)) == 4


def settings_of(environ: dict[str, str]) -> dict[str, str]:
    """All settings of the topic, those that the broker gives included."""

    async def read() -> dict[str, str]:
        settings = load(None, environ)
        described = await describe(settings, [spec for spec in topics(settings) if spec.role == "deadletter"])
        return dict(described[settings.topics.deadletter].configs)

    return asyncio.run(read())


@pytest.mark.usefixtures("mixed")
def test_the_topics_settings_are_as_they_were(
    runner: CliRunner, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning new segments changes them for a moment; of a purge that is killed then the next one mends it."""
    before = settings_of(environ)
    alter, calls = segments._alter, []

    async def once(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise RequestTimedOutError
        await alter(*arguments)

    monkeypatch.setattr(segments, "_alter", once)
    purge(runner, "gone", code=1)
    assert settings_of(environ) == before | segments.ROLL_AT_ONCE
    assert purge(runner, "gone").startswith("2 removed")
    assert settings_of(environ) == before


def test_by_key(runner: CliRunner, environ: dict[str, str], laid: Bury) -> None:
    """A ticket's letters, which name nobody; not those that only mention it."""
    laid(Buried(answer("c-1", 0, key="t-9")), Buried(answer("t-9", 1, key="c-1")))
    assert purge(runner, "--key", "t-9").startswith("1 removed")
    assert [one.key for one in there(environ)] == [b"c-1"]


def test_more_letters_than_one_transaction_takes(
    runner: CliRunner, environ: dict[str, str], laid: Bury, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order."""
    monkeypatch.setattr("stream.operations.deadletters.purging.COPIES_AT_ONCE", 3)
    laid(*(Buried(answer("gone" if n == 10 else f"c-{n}", n), at=NOW + n) for n in range(12)))
    assert purge(runner, "gone").startswith("1 removed, 11 ")
    by_place = [one.dead_lettered_at - NOW for one in there(environ)]
    assert by_place == [*range(10), 11]


@pytest.mark.parametrize("arguments", [[], [""], ["--customer", ""], ["c-1", "--key", ""]])
def test_nobody(runner: CliRunner, arguments: list[str]) -> None:
    """An empty id would be everybody."""
    assert "CUSTOMER, --customer or --key is missing or empty" in purge(runner, *arguments, code=2)
