"""Answers to surveys: their facts, what these contribute, and what an event changes."""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.customers import CustomerResponded
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import to_ms
from schemas.topics import FEEDBACK
from stream.core.book import Book, Outcome, project
from stream.core.buckets import HOUR, MINUTE
from stream.core.domain import Name
from stream.core.metrics import ces, csat, nps, response_rate
from stream.core.panes import Cell
from stream.core.rules import Rules, Values
from stream.core.tally import Contribution, Vector

ANSWER, RESPONDER = b"a", b"c"
SCORED: dict[str, Callable[["Answer"], Vector]] = {"nps": nps.vector, "csat": csat.vector, "ces": ces.vector}


class Offer(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A survey that was offered; `minute` is a bucket number."""

    minute: int
    survey: str
    values: Values


class Answer(msgspec.Struct, array_like=True, gc=False):
    """Facts of one `feedback_id`, and the contributions last made of them.

    `minute` is the bucket of the earliest time among the revisions; the rest is of the highest revision.
    """

    person: bytes
    revision: int = -1
    minute: int = 0
    survey: str = ""
    score: int | None = None
    scale: tuple[int, int] | None = None
    direction: str | None = None
    premature: bool = False
    reasons: tuple[str, ...] = ()
    values: Values = ()
    offer: Offer | None = None
    deleted: int | None = None
    made: tuple[Contribution, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether there is an answer: scored, or an exit with reasons, and not deleted."""
        return (
            self.revision >= 0
            and self.deleted is None
            and (self.score is not None or (self.survey == "exit" and bool(self.reasons)))
        )

    @property
    def dismissed(self) -> bool:
        """Whether the survey was closed without an answer."""
        return self.revision >= 0 and self.deleted is None and not self.counts

    @property
    def newest(self) -> int:
        """The newest bucket that an event about it fell in."""
        newest = self.minute if self.revision >= 0 else 0
        if self.offer is not None and self.offer.minute > newest:
            newest = self.offer.minute
        if self.deleted is not None and self.deleted > newest:
            newest = self.deleted
        return newest


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Answer).decode


def derive(answer: Answer, rules: Rules) -> tuple[Contribution, ...]:
    """What an answer contributes: its score, its reasons, and to the response rate of its offer."""
    made = []
    if answer.counts:
        values, minute = project(answer.values, rules), answer.minute
        if answer.score is not None and (vector := SCORED.get(answer.survey)) is not None:
            made.append(Contribution(answer.survey, values, (), minute, vector(answer)))
        for code in answer.reasons:
            made.append(Contribution("reasons", values, (answer.survey, code), minute, {0: 1}))  # noqa: PERF401
    if (offer := answer.offer) is not None:
        values = project(offer.values, rules)
        made.append(
            Contribution("response", values, (offer.survey,), offer.minute, response_rate.vector(answer))
        )
    return tuple(made)


class Feedback:
    """The domain of `cx.feedback`."""

    name: Name = "feedback"
    topic = FEEDBACK

    def expires(self, data: object) -> bool:
        """Whether an event may come too late: every one of this domain."""
        return type(data) in _HANDLERS

    def apply(self, book: Book, data: Any, at: int, person: bytes, _identity: tuple[str, str]) -> Outcome:
        """Enter an event in the facts of its answer. `at` and its record's time are in ms."""
        key = ANSWER + data.feedback_id.encode()
        raw = book.entities.get(key)
        if raw is None:
            answer, newest, minute = None, -1, -1
        else:
            answer = _unpack(raw)
            newest, minute = answer.newest, answer.minute
        made = () if answer is None else answer.made
        outcome, answer = _HANDLERS[type(data)](book, answer, data, at, person)
        if outcome == "duplicate" and answer.minute == minute:
            return outcome
        answer.made = derive(answer, book.rules)
        book.replace(made, answer.made)
        until = answer.newest
        book.put(key, _pack(answer), None if until == newest else self._until(until, book.rules))
        return outcome

    @staticmethod
    def _until(minute: int, rules: Rules) -> int:
        return (minute * MINUTE // HOUR + 1) * HOUR + rules.lateness

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark at which an entity is forgotten."""
        if key[:1] == ANSWER:
            return self._until(_unpack(raw).newest, rules)
        return None

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        return _unpack(raw).person if key[:1] == ANSWER else key[1:]

    def made(self, key: bytes, raw: bytes) -> tuple[Contribution, ...]:
        """The contributions last made of an entity."""
        return _unpack(raw).made if key[:1] == ANSWER else ()

    def withdrawn(self, key: bytes, raw: bytes) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: nothing, answers are finished counts."""
        del key, raw
        return ()

    def rederive(self, key: bytes, raw: bytes, book: Book, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] != ANSWER:
            return raw
        answer = _unpack(raw)
        answer.values = book.remap(answer.values, old)
        if answer.offer is not None:
            answer.offer = msgspec.structs.replace(answer.offer, values=book.remap(answer.offer.values, old))
        answer.made = derive(answer, book.rules)
        return _pack(answer)

    def code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell, with the group within which codes are capped."""
        return (cell.extra[0], cell.extra[1]) if cell.tally == "reasons" else None


def _offer(
    book: Book, answer: Answer | None, data: FeedbackOffered, at: int, person: bytes
) -> tuple[Outcome, Answer]:
    answer = answer or Answer(person)
    if answer.offer is not None:
        return "duplicate", answer
    answer.offer = Offer(at // MINUTE, data.survey, book.values(data))
    return "accepted", answer


def _submit(
    book: Book, answer: Answer | None, data: FeedbackSubmitted, at: int, person: bytes
) -> tuple[Outcome, Answer]:
    minute = at // MINUTE
    if answer is not None and answer.revision >= 0:
        minute = answer.minute = min(minute, answer.minute)
        if data.revision <= answer.revision:
            return "duplicate", answer
    moment, codes = data.transaction_time, data.reasons
    given = Answer(
        person,
        data.revision,
        minute,
        data.survey,
        data.score,
        data.scale,
        data.direction,
        moment is not None and at < to_ms(moment),
        tuple({book.known.code("reasons", data.survey, code): 0 for code in codes}) if codes else (),
        book.values(data),
    )
    if answer is not None:
        given.person, given.offer, given.deleted = answer.person, answer.offer, answer.deleted
    if data.customer_id is not None and given.counts:
        _respond(book, data.customer_id, at)
    return "accepted", given


def _delete(
    _book: Book, answer: Answer | None, _data: FeedbackDeleted, at: int, person: bytes
) -> tuple[Outcome, Answer]:
    answer = answer or Answer(person)
    if answer.deleted is not None:
        return "duplicate", answer
    answer.deleted = at // MINUTE
    answer.score, answer.reasons = None, ()
    return "accepted", answer


def _respond(book: Book, customer: str, at: int) -> None:
    """Tell the customers' topic, once, that this customer answers surveys."""
    key = RESPONDER + customer.encode()
    if key not in book.entities:
        book.put(key, b"", None)
        book.derived.append((CustomerResponded(customer_id=customer), at, book.record_time))


_HANDLERS: dict[type, Callable[[Book, Answer | None, Any, int, bytes], tuple[Outcome, Answer]]] = {
    FeedbackOffered: _offer,
    FeedbackSubmitted: _submit,
    FeedbackDeleted: _delete,
}
"""What each type of event does to the facts of its answer; None: there are none yet."""
