"""The comments in an exporter's memory: newest first, filtered, edited and deleted with their records."""

import pytest
from aiokafka import TopicPartition

from stream.config import load
from stream.core.model.comment import Comment, CommentClass, encode
from stream.exporter import comment_reader
from stream.exporter.comment_reader import CommentReader, WantedComments
from tests.support import DAY, HOUR, NOW, FakeRecord

PARTITION = TopicPartition("cx.comments", 0)


def comment(text: str, at: int = NOW, **fields: object) -> Comment:
    """Return a comment of a detractor on the web."""
    answer_class: CommentClass = "detractor"
    defaults = {
        "survey": "nps",
        "score": 3,
        "answer_class": answer_class,
        "reasons": (),
        "values": {"channel": "web"},
    }
    return Comment(time=at, text=text, **(defaults | fields))  # type: ignore[arg-type]


def write(reader: CommentReader, name: str, value: Comment | None, stamp: int = NOW) -> None:
    """Apply a record of the topic."""
    raw = None if value is None else encode(value)
    reader.apply(PARTITION, FakeRecord(0, stamp, name.encode(), raw))


def texts(reader: CommentReader, now: int = NOW, most: int = 100, **wanted: object) -> list[str]:
    """Return the texts of a list, whose total is their number unless `most` is smaller."""
    listing = reader.newest(WantedComments(**wanted), now, most)()  # type: ignore[arg-type]
    assert len(listing.comments) == min(most, listing.total)
    return [known.comment.text for known in listing.comments]


@pytest.fixture
def reader() -> CommentReader:
    return CommentReader(load(None, {}))


def test_the_newest_comes_first(reader: CommentReader) -> None:
    for name, at in (("b", NOW - HOUR), ("a", NOW), ("c", NOW - DAY)):
        write(reader, name, comment(name, at))
    assert texts(reader) == ["a", "b", "c"]
    assert texts(reader, most=2) == ["a", "b"]


def test_edits_replace_and_deletions_remove(reader: CommentReader) -> None:
    write(reader, "a", comment("before"))
    write(reader, "a", comment("after"))
    assert texts(reader) == ["after"]
    write(reader, "a", None)
    write(reader, "unknown", None)
    assert texts(reader) == []


def test_filters(reader: CommentReader) -> None:
    write(reader, "a", comment("slow", reasons=("delivery", "price")))
    write(reader, "b", comment("good", answer_class="promoter", values={"channel": "app", "team": "x"}))
    write(reader, "c", comment("left", survey="exit", score=None, answer_class=None, values={}))
    assert texts(reader, answer_class="promoter") == ["good"]
    assert texts(reader, reason="price") == ["slow"]
    assert texts(reader, survey="exit") == ["left"]
    assert texts(reader, values={"channel": "app"}) == ["good"]
    assert texts(reader, values={"channel": "app", "team": "y"}) == []
    choices = reader.newest(WantedComments(), NOW, 1)().choices
    assert choices.classes == ["detractor", "promoter"]
    assert choices.reasons == ["delivery", "price"]
    assert choices.surveys == ["exit", "nps"]
    assert choices.labels["channel"] == ["app", "web"]
    assert choices.labels["team"] == ["x"]


def test_labels_that_are_not_allowed_any_more_are_left_out(reader: CommentReader) -> None:
    write(reader, "a", comment("slow", values={"brand": "acme", "formerly": "x"}))
    (known,) = reader.newest(WantedComments(), NOW, 1)().comments
    assert known.comment.values == {"brand": "acme"}


def test_comments_past_the_retention_are_not_shown(reader: CommentReader) -> None:
    """The broker deletes whole segments, which may be later."""
    write(reader, "a", comment("old"), NOW - 30 * DAY)
    write(reader, "b", comment("new"), NOW - 30 * DAY + 1)
    assert texts(reader) == ["new"]


def test_the_number_and_length_of_comments_are_limited(
    reader: CommentReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comment_reader, "MAX_COMMENTS", 10)
    for n in range(12):
        write(reader, f"{n}", comment(f"{n}", NOW + n))
    assert texts(reader) == [f"{n}" for n in range(11, 1, -1)]
    write(reader, "long", comment("x" * 5_000, NOW + 99))
    assert texts(reader, most=1) == ["x" * 2_000 + "\u2026"]


def test_everything_is_forgotten_before_the_topic_is_read_again(reader: CommentReader) -> None:
    write(reader, "a", comment("slow"))
    reader.begin()
    assert texts(reader) == []
