"""Answers of which nothing is known, by the batch: nearly every event is one, so this is short.

What `Feedback.apply` does with such an answer, without an object for each step; tests hold the two together.
"""

from collections.abc import Callable, Sequence
from typing import Any

from schemas.envelope import Event
from schemas.feedback import FeedbackSubmitted, Scale
from stream.core.book import REMEMBERED, Book, Outcome, project
from stream.core.buckets import MINUTE
from stream.core.domain import Plain
from stream.core.feedback.derive import scored, until
from stream.core.feedback.facts import ANSWER, Answer, Said, pack
from stream.core.feedback.responders import respond
from stream.core.rules import Values
from stream.core.tally import SHIFT, Leaf, Vector

SCALES, SCORES = 64, 128
"""Surveys with their scales that are remembered, and scores of each: scales may be any, so may scores of an exit survey."""
TOLD = 100_000
"""Customers that are remembered as told of."""

_ANSWER, _SAID, _UNSET = pack(Answer(b""))[:1], pack(Said(""))[:1], pack(None)
"""How a packed answer begins, and what it says; and how what is not there is packed."""

Score = tuple[bytes, tuple[tuple[int, int], ...]]
"""A packed score, and the components that it adds to its survey's tally."""


class Scores(dict[int, Score]):
    """The scores of a survey and scale: what was not seen is made."""

    def __init__(self, survey: str, scale: Scale | None, direction: str | None) -> None:
        super().__init__()
        self._of = survey, scale, direction

    def __missing__(self, score: int) -> Score:
        survey, scale, direction = self._of
        found = pack(score), tuple(scored(survey, score, scale, direction, premature=False).items())
        if len(self) < SCORES:
            self[score] = found
        return found


class Place:
    """Where answers to one survey with the same dimensions go, and their record as far as it is the same.

    A record is: person, minute, `before`, score, `after`. `added` is what came since the last flush.
    """

    __slots__ = "added", "after", "before", "leaf", "scores"

    def __init__(self, data: FeedbackSubmitted, values: Values, shown: Values, scores: Scores) -> None:
        self.leaf: Leaf = (data.survey, shown, ())
        self.before = pack(0) + _SAID + pack(data.survey)
        said = (data.scale, data.direction, False, (), values)
        self.after = b"".join(map(pack, said)) + 2 * _UNSET
        self.scores = scores
        self.added: Vector = {}


class Firsts:
    """What a partition holds to enter them, between two flushes and over them."""

    def __init__(self, book: Book, apply: Callable[[Book, Event, int, bytes], Outcome]) -> None:
        self._book = book
        self._apply = apply
        self._places: dict[tuple[Any, ...], Place] = {}
        self._scores: dict[tuple[str, Scale | None, str | None], Scores] = {}
        self._touched: list[Place] = []
        self._told: dict[str, bytes] = {}
        """Some of the customers that the customers' topic was told of, and the person whose answer did."""
        self._as_of = (-1, -1)

    def enter(self, plain: Sequence[Plain]) -> list[int]:
        """Enter events, one that is not just a score of which nothing is known by `apply`. The times of those accepted."""
        book, told, places, touched = self._book, self._told, self._places, self._touched
        self._keep_up()
        entities, fresh = book.entities, book.fresh
        accepted: list[int] = []
        minutes: dict[int, tuple[bytes, int, list[bytes]]] = {}
        for event, person, at, stamp in plain:
            book.record_time = stamp
            data = event.data
            if (
                type(data) is not FeedbackSubmitted
                or (key := ANSWER + data.feedback_id.encode()) in entities
                or (score := data.score) is None
                or data.revision
                or data.reasons
                or data.transaction_time is not None
            ):
                if self._apply(book, event, at, person) == "accepted":
                    accepted.append(at)
                continue
            accepted.append(at)
            survey, scale, direction = data.survey, data.scale, data.direction
            asked: tuple[Any, ...]
            if data.labels is None:
                asked = data.channel, data.touchpoint, data.team, data.priority, survey, scale, direction
            else:
                asked = book.values(data), survey, scale, direction
            place = places.get(asked) or self._place(asked, data)
            packed, vector = place.scores[score]
            when, first, due = minutes.get(at // MINUTE) or self._minute(at // MINUTE, minutes)
            raw = b"".join((_ANSWER, pack(person), when, place.before, packed, place.after))
            entities[key] = raw
            fresh.append(key)
            due.append(key)
            if vector:
                added = place.added
                if not added:
                    touched.append(place)
                for component, n in vector:
                    pane = first | component
                    added[pane] = added.get(pane, 0) + n
            if (customer := data.customer_id) is not None and told.get(customer) != person:
                respond(book, customer, at, person)
                told[customer] = person
        return accepted

    def _keep_up(self) -> None:
        """Begin anew with what may have become wrong: caps were learnt again, entities forgotten."""
        book = self._book
        learnt, forgotten = self._as_of
        if learnt != book.known.learnt or len(self._places) > REMEMBERED or len(self._scores) > SCALES:
            self._places.clear()
            self._scores.clear()
        if forgotten != book.forgotten or len(self._told) > TOLD:
            self._told.clear()
        self._as_of = book.known.learnt, book.forgotten

    def _minute(
        self, minute: int, minutes: dict[int, tuple[bytes, int, list[bytes]]]
    ) -> tuple[bytes, int, list[bytes]]:
        """A minute packed, its place in a flat vector, and where to note what is forgotten with it."""
        found = minutes[minute] = (
            pack(minute),
            minute << SHIFT,
            self._book.due_at(until(minute, self._book.rules)),
        )
        return found

    def _place(self, asked: tuple[Any, ...], data: FeedbackSubmitted) -> Place:
        values = asked[0] if data.labels is not None else self._book.values(data)
        shown, scale = project(values, self._book.rules), (data.survey, data.scale, data.direction)
        scores = self._scores.setdefault(scale, Scores(*scale))
        place = self._places[asked] = Place(data, values, shown, scores)
        return place

    def settle(self) -> None:
        """Enter in the deltas what was added."""
        deltas = self._book.deltas
        for place in self._touched:
            added, place.added = place.added, {}
            into = deltas.setdefault(place.leaf, added)
            if into is not added:
                for pane, n in added.items():
                    into[pane] = into.get(pane, 0) + n
        self._touched.clear()
