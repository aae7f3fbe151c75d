"""The domain of `cx.feedback`: what an event changes in the facts of an answer, and in the figures."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from schemas.envelope import Event
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import to_ms
from schemas.topics import FEEDBACK
from stream.core.book import Book, Outcome
from stream.core.buckets import MINUTE
from stream.core.domain import Name, Plain
from stream.core.feedback.derive import derive, until
from stream.core.feedback.facts import ANSWER, Answer, Offer, Said, pack, unpack
from stream.core.feedback.firsts import SUBMITTED, Firsts
from stream.core.feedback.responders import respond
from stream.core.panes import Cell
from stream.core.rules import Rules
from stream.core.tally import Contribution

__all__ = ["Feedback"]


class Feedback:
    """The domain of `cx.feedback`."""

    name: Name = "feedback"
    topic = FEEDBACK
    since = 1
    loosely = (SUBMITTED,)

    def expires(self, data: object) -> bool:
        """Whether an event may come too late: every one of this domain."""
        return type(data) in _HANDLERS

    def apply(self, book: Book, event: Event, at: int, person: bytes) -> Outcome:
        """Enter an event in the facts of its answer, and what follows in the figures. `at` is in ms."""
        data: Any = event.data
        key = ANSWER + data.feedback_id.encode()
        raw = book.entities.get(key)
        answer, newest = Answer(person), -1
        if raw is not None:
            answer = unpack(raw)
            newest = answer.newest
        minute, before = answer.minute, derive(answer, book.rules)
        outcome = _HANDLERS[type(data)](book, answer, data, at, person)
        if outcome == "duplicate" and answer.minute == minute:
            return outcome
        book.replace(before, derive(answer, book.rules))
        last = answer.newest
        book.put(key, pack(answer), None if last == newest else until(last, book.rules))
        return outcome

    def look(self, book: Book, events: Sequence[Event]) -> Sequence[Any] | None:
        """Where each answer goes, None for other events; None instead: an answer is not right."""
        if book.own is None:
            book.own = Firsts(book, self.apply)
        return cast(Firsts, book.own).look(events)

    def apply_all(self, book: Book, plain: Plain) -> list[int]:
        """`apply` for each; the times of those accepted."""
        return cast(Firsts, book.own).enter(plain)

    def settle(self, book: Book) -> None:
        """Enter in the deltas what first answers added."""
        if book.own is not None:
            book.own.settle()

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark at which an entity is forgotten."""
        if key[:1] == ANSWER:
            return until(unpack(raw).newest, rules)
        return None

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        return unpack(raw).person if key[:1] == ANSWER else key[1:]

    def made(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an entity contributes."""
        return tuple(derive(unpack(raw), rules)) if key[:1] == ANSWER else ()

    def withdrawn(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: nothing, answers are finished counts."""
        del key, raw, rules
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
        return pack(answer)

    def code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell, with the group within which codes are capped."""
        return (cell.extra[0], cell.extra[1]) if cell.tally == "reasons" else None


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


def _submit(book: Book, answer: Answer, data: FeedbackSubmitted, at: int, person: bytes) -> Outcome:
    minute = at // MINUTE
    if answer.revision < 0 or minute < answer.minute:
        answer.minute = minute
    if data.revision <= answer.revision:
        return "duplicate"
    answer.revision, answer.said = data.revision, _said(book, data, at)
    if data.customer_id is not None and answer.deleted is None and answer.said.counts:
        respond(book, data.customer_id, at, person)
    return "accepted"


def _delete(_book: Book, answer: Answer, _data: FeedbackDeleted, at: int, _person: bytes) -> Outcome:
    if answer.deleted is not None:
        return "duplicate"
    answer.deleted = at // MINUTE
    answer.said = None
    return "accepted"


_HANDLERS: dict[type, Callable[[Book, Answer, Any, int, bytes], Outcome]] = {
    FeedbackOffered: _offer,
    FeedbackSubmitted: _submit,
    FeedbackDeleted: _delete,
}
"""What each type of event does to the facts of its answer, which are new or those that are known."""
