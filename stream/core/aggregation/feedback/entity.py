"""The stored answer to a survey."""

from collections.abc import Callable

import msgspec

from schemas.feedback import Scale
from stream.core.model.aggregation_config import DimensionValues

ANSWER, RESPONDER = b"a", b"c"
"""Kinds of entities, the first byte of their keys."""


class Offer(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A survey that was offered. `minute` is a bucket number."""

    minute: int
    survey: str
    values: DimensionValues


class AnswerContent(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The content of an answer, as of its highest revision."""

    survey: str
    score: int | None = None
    scale: Scale | None = None
    direction: str | None = None
    premature: bool = False
    reasons: tuple[str, ...] = ()
    values: DimensionValues = ()

    @property
    def is_response(self) -> bool:
        """Return whether it is a response: a score, or an exit survey with reasons. If not, the survey was dismissed."""
        return self.score is not None or (self.survey == "exit" and bool(self.reasons))


class Answer(msgspec.Struct, array_like=True, gc=False):
    """The answer with one `feedback_id`. Its contributions are derived, because storing them would double the record.

    `minute` is the bucket of the earliest time among the revisions. `content` is that of the highest revision.
    `deleted` is the bucket of the deletion.
    """

    person_key: bytes
    minute: int = 0
    revision: int = -1
    content: AnswerContent | None = None
    offer: Offer | None = None
    deleted: int | None = None

    @property
    def newest_minute(self) -> int:
        """Return the newest bucket of its events."""
        newest = self.minute
        if self.offer is not None and self.offer.minute > newest:
            newest = self.offer.minute
        if self.deleted is not None and self.deleted > newest:
            newest = self.deleted
        return newest


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Answer] = msgspec.msgpack.Decoder(Answer).decode
