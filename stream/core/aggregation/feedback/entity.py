"""The stored answer to a survey."""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.feedback import Scale
from stream.core.aggregation.event_ids import expand_id
from stream.core.model.aggregation_config import DimensionValues
from stream.core.model.time_buckets import MINUTE

ANSWER, RESPONDER = b"a", b"c"
"""Kinds of entities, the first byte of their keys."""
OFFERED, SUBMITTED, DELETED = range(3)
"""Ranks of events of one moment."""

CountingOrder = tuple[int, int, str]
"""Revision, time in ms and event ID of an answer. The highest counts."""
NamingOrder = tuple[int, int, str]
"""Time in ms, rank and event ID of an event that names its customer. The highest decides whose the answer is."""


class Offer(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A survey that was offered. `minute` is a bucket number."""

    minute: int
    survey: str
    values: DimensionValues


class AnswerContent(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The content of the answer that counts. `scale_capped`: its scale is past the cap and counted as `__other__`."""

    survey: str
    score: int | None = None
    scale: Scale | None = None
    direction: str | None = None
    premature: bool = False
    reasons: tuple[str, ...] = ()
    values: DimensionValues = ()
    scale_capped: bool = False
    ticket: str | None = None
    """The ticket that an answer to CSAT is about, which its summary names."""

    @property
    def is_response(self) -> bool:
        """Return whether it is a response. If not, the survey was dismissed."""
        return is_response(self.survey, self.score, self.reasons)

    @property
    def counts(self) -> bool:
        """Return whether it counts for its customer: a response, and of NPS not premature."""
        return self.is_response and not (self.survey == "nps" and self.premature)


def is_response(survey: str, score: int | None, reasons: tuple[str, ...] | None) -> bool:
    """Return whether an answer is a response: a score, or an exit survey with reasons."""
    return score is not None or (survey == "exit" and bool(reasons))


class Answer(msgspec.Struct, array_like=True, gc=False):
    """The answer with one `feedback_id`. Its contributions are derived, because storing them would double the record."""

    customer: str | None = None
    """The present customer, None if no event names one."""
    time: int = 0
    """Earliest time in ms of all events with an answer, also of duplicates. 0 before the first one."""
    id: Any = None
    """ID of the event that counts (a `CompactId`), None if there is none."""
    revision: int = -1
    """Revision of that event, -1 if there is none."""
    delay: int = 0
    """Time of that event less `time`, in ms."""
    content: AnswerContent | None = None
    """Content of that event, None if there is none or the answer was deleted."""
    offer: Offer | None = None
    deleted: int | None = None
    """Bucket number of the deletion, None if the answer was not deleted."""
    named_by: tuple[int, int, Any] | None = None
    """Order of the event that names the customer (its ID is a `CompactId`), None if it is that of the event that counts."""

    @property
    def counting_order(self) -> CountingOrder | None:
        """Return the order of the event that counts, None if there is none."""
        return None if self.revision < 0 else (self.revision, self.time + self.delay, expand_id(self.id))

    @property
    def naming_order(self) -> NamingOrder | None:
        """Return the order of the event that names the customer, None if none does."""
        if self.customer is None:
            return None
        if self.named_by is None:
            return self.time + self.delay, SUBMITTED, expand_id(self.id)
        time, rank, compact = self.named_by
        return time, rank, expand_id(compact)

    @property
    def newest_minute(self) -> int:
        """Return the newest bucket in which it has anything."""
        newest = self.time // MINUTE
        if self.offer is not None and self.offer.minute > newest:
            newest = self.offer.minute
        if self.deleted is not None and self.deleted > newest:
            newest = self.deleted
        return newest


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Answer] = msgspec.msgpack.Decoder(Answer).decode


class _OfCustomer(msgspec.Struct, array_like=True, gc=False):
    """The first field of `Answer`, which is decoded to find its customer."""

    customer: str | None


_decode_customer = msgspec.msgpack.Decoder(_OfCustomer).decode


def person(raw: bytes) -> bytes | None:
    """Return the ID of the present customer of a packed answer, None if no event names one."""
    customer = _decode_customer(raw).customer
    return None if customer is None else customer.encode()
