"""The newest kept comments, read from the comments topic for users of an exporter."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from msgspec.structs import replace

from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.model.comment import Comment, decode
from stream.kafka.following import TopicFollower
from stream.kafka.topics import COMMENTS_RETENTION

MAX_COMMENTS = 20_000
"""Comments in memory: the newest."""
MAX_TEXT = 2_000
"""Characters of a comment that are kept here. The topic has all."""
MAX_CHOICES = 50
"""Values of a filter that are offered: the most frequent."""


class KnownComment(NamedTuple):
    """A comment, and the timestamp of its record in ms, by which it is deleted."""

    answer: str
    comment: Comment
    written_at: int


class WantedComments(NamedTuple):
    """Filters of comments. None, or no values: any."""

    survey: str | None = None
    answer_class: str | None = None
    reason: str | None = None
    values: Mapping[str, str] = {}

    def includes(self, comment: Comment) -> bool:
        """Return whether a comment passes."""
        return (
            self.survey in (None, comment.survey)
            and self.answer_class in (None, comment.answer_class)
            and (self.reason is None or self.reason in comment.reasons)
            and all(comment.values.get(name) == value for name, value in self.values.items())
        )


class Choices(NamedTuple):
    """The values of each filter among all comments, in alphabetical order."""

    surveys: list[str]
    classes: list[str]
    reasons: list[str]
    labels: dict[str, list[str]]


class CommentListing(NamedTuple):
    """The newest comments that pass, the number of all that do, and the values of each filter."""

    comments: list[KnownComment]
    total: int
    choices: Choices


class CommentReader(TopicFollower):
    """A follower of the comments topic."""

    subject = "kept comments"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, [settings.topics.comments])
        self._dimensions = aggregation_config(settings).dimensions
        self.begin()

    def begin(self) -> None:
        """Forget all comments."""
        self._known: dict[str, KnownComment] = {}

    def apply(self, tp: TopicPartition, record: Any) -> None:
        """Apply a record: the comment of an answer, or its deletion."""
        del tp
        answer = record.key.decode()
        if record.value is None:
            self._known.pop(answer, None)
            return
        comment = decode(record.value)
        # A label may have been allowed when the comment was written, and not be any more.
        values = {name: value for name, value in comment.values.items() if name in self._dimensions}
        text = comment.text if len(comment.text) <= MAX_TEXT else comment.text[:MAX_TEXT] + "\u2026"
        comment = replace(comment, values=values, text=text)
        self._known[answer] = KnownComment(answer, comment, record.timestamp)
        if len(self._known) > MAX_COMMENTS * 11 // 10:
            self._known = {known.answer: known for known in _newest(self._known.values(), MAX_COMMENTS)}

    def newest(self, wanted: WantedComments, wall_ms: int, most: int) -> Callable[[], CommentListing]:
        """Return a function that lists comments. It may run in another thread. `wall_ms` is the present."""
        known, oldest = list(self._known.values()), wall_ms - COMMENTS_RETENTION
        return lambda: self._list([entry for entry in known if entry.written_at > oldest], wanted, most)

    def _list(self, known: list[KnownComment], wanted: WantedComments, most: int) -> CommentListing:
        passing = [entry for entry in known if wanted.includes(entry.comment)]
        return CommentListing(_newest(passing, most), len(passing), self._choices(known))

    def _choices(self, known: list[KnownComment]) -> Choices:
        """Return the most frequent values of each filter."""
        comments = [entry.comment for entry in known]
        classes = (comment.answer_class for comment in comments)
        return Choices(
            _most_frequent(comment.survey for comment in comments),
            _most_frequent(name for name in classes if name is not None),
            _most_frequent(reason for comment in comments for reason in comment.reasons),
            {
                name: _most_frequent(comment.values[name] for comment in comments if name in comment.values)
                for name in self._dimensions
            },
        )


def _most_frequent(values: Iterable[str]) -> list[str]:
    """Return the most frequent values in alphabetical order."""
    return sorted(value for value, _ in Counter(values).most_common(MAX_CHOICES))


def _newest(known: Iterable[KnownComment], most: int) -> list[KnownComment]:
    """Return the newest comments, the newest first, of one time by the ID of the answer."""
    return nlargest(most, known, key=lambda entry: (entry.comment.time, entry.answer))
