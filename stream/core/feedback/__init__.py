"""The domain of `cx.feedback`: what an event changes in the facts of an answer, and in the figures."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from schemas.customers import CustomerResponded
from schemas.envelope import Event
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import to_ms
from schemas.topics import FEEDBACK
from stream.core.book import Book, Outcome
from stream.core.buckets import HOUR, MINUTE
from stream.core.domain import Name
from stream.core.feedback.derive import derive, derive_said
from stream.core.feedback.facts import ANSWER, RESPONDER, Answer, Offer, Said, pack, unpack
from stream.core.panes import Cell
from stream.core.rules import Rules
from stream.core.tally import Contribution, post

__all__ = ["Feedback"]


class Feedback:
    """The domain of `cx.feedback`."""

    name: Name = "feedback"
    topic = FEEDBACK

    def expires(self, data: object) -> bool:
        """Whether an event may come too late: every one of this domain."""
        return type(data) in _HANDLERS

    def apply(self, book: Book, event: Event, at: int, person: bytes) -> Outcome:
        """Enter an event in the facts of its answer, and what follows in the figures. `at` is in ms."""
        data: Any = event.data
        key = ANSWER + data.feedback_id.encode()
        raw = book.entities.get(key)
        if raw is None:
            if type(data) is FeedbackSubmitted:
                return _first(book, key, data, at, person)
            answer, newest = Answer(person), -1
        else:
            answer = unpack(raw)
            newest = answer.newest
        minute = answer.minute
        outcome = _HANDLERS[type(data)](book, answer, data, at, person)
        if outcome == "duplicate" and answer.minute == minute:
            return outcome
        before, answer.made = answer.made, derive(answer, book.rules)
        book.replace(before, answer.made)
        until = answer.newest
        book.put(key, pack(answer), None if until == newest else _until(until, book.rules))
        return outcome

    def settle(self, book: Book) -> None:
        """Nothing waits: an answer rarely takes a second event before the flush."""

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark at which an entity is forgotten."""
        if key[:1] == ANSWER:
            return _until(unpack(raw).newest, rules)
        return None

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        return unpack(raw).person if key[:1] == ANSWER else key[1:]

    def made(self, key: bytes, raw: bytes) -> tuple[Contribution, ...]:
        """The contributions last made of an entity."""
        return tuple(unpack(raw).made) if key[:1] == ANSWER else ()

    def withdrawn(self, key: bytes, raw: bytes) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: nothing, answers are finished counts."""
        del key, raw
        return ()

    def rederive(self, key: bytes, raw: bytes, book: Book, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] != ANSWER:
            return raw
        answer, replace = unpack(raw), msgspec.structs.replace
        if answer.said is not None:
            answer.said = replace(answer.said, values=book.remap(answer.said.values, old))
        if answer.offer is not None:
            answer.offer = replace(answer.offer, values=book.remap(answer.offer.values, old))
        answer.made = derive(answer, book.rules)
        return pack(answer)

    def code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell, with the group within which codes are capped."""
        return (cell.extra[0], cell.extra[1]) if cell.tally == "reasons" else None


def _until(minute: int, rules: Rules) -> int:
    return (minute // 60 + 1) * HOUR + rules.lateness


def _offer(book: Book, answer: Answer, data: FeedbackOffered, at: int, _person: bytes) -> Outcome:
    if answer.offer is not None:
        return "duplicate"
    answer.offer = Offer(at // MINUTE, data.survey, book.values(data))
    return "accepted"


def _said(book: Book, data: FeedbackSubmitted, at: int) -> Said:
    reasons, moment = data.reasons, data.transaction_time
    if reasons:
        reasons = tuple({book.known.code("reasons", data.survey, code): 0 for code in reasons})
    premature = moment is not None and at < to_ms(moment)
    return Said(data.survey, data.score, data.scale, data.direction, premature, reasons, book.values(data))


def _first(book: Book, key: bytes, data: FeedbackSubmitted, at: int, person: bytes) -> Outcome:
    """An answer of which nothing is known: nearly every event is one, so this is short."""
    minute, said = at // MINUTE, _said(book, data, at)
    made = derive_said(said, minute, book.rules)
    post(book.deltas, made)
    raw = pack(Answer(person, minute, data.revision, said, None, None, made))
    book.put(key, raw, (minute // 60 + 1) * HOUR + book.rules.lateness)
    if data.customer_id is not None and (said.score is not None or said.counts):
        _respond(book, data.customer_id, at, person)
    return "accepted"


def _submit(book: Book, answer: Answer, data: FeedbackSubmitted, at: int, person: bytes) -> Outcome:
    minute = at // MINUTE
    if answer.revision < 0 or minute < answer.minute:
        answer.minute = minute
    if data.revision <= answer.revision:
        return "duplicate"
    answer.revision, answer.said = data.revision, _said(book, data, at)
    if data.customer_id is not None and answer.deleted is None and answer.said.counts:
        _respond(book, data.customer_id, at, person)
    return "accepted"


def _delete(_book: Book, answer: Answer, _data: FeedbackDeleted, at: int, _person: bytes) -> Outcome:
    if answer.deleted is not None:
        return "duplicate"
    answer.deleted = at // MINUTE
    answer.said = None
    return "accepted"


def _respond(book: Book, customer: str, at: int, person: bytes) -> None:
    """Tell the customers' topic, once, that this customer answers surveys.

    Of one whose erasure may come to another partition, the answer being keyed by its own id, only a hash is kept.
    """
    name = customer.encode()
    key = RESPONDER + (name if name == person else blake2b(name, digest_size=16).digest())
    if key not in book.entities:
        book.put(key, b"", None)
        book.derived.append((CustomerResponded(customer_id=customer), at, book.record_time))


_HANDLERS: dict[type, Callable[[Book, Answer, Any, int, bytes], Outcome]] = {
    FeedbackOffered: _offer,
    FeedbackSubmitted: _submit,
    FeedbackDeleted: _delete,
}
"""What each type of event does to the facts of its answer, which are new or those that are known."""
