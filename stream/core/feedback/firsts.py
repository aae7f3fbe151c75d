"""Answers of which nothing is known, by the batch: nearly every event is one, so this is short.

What `Feedback.apply` does with such an answer, without an object for each step; tests hold the two together.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from schemas.envelope import Event
from schemas.feedback import FeedbackSubmitted, Scale
from schemas.loose import loose
from stream.core.book import REMEMBERED, Book, Outcome, project
from stream.core.buckets import MINUTE
from stream.core.domain import Plain
from stream.core.feedback.derive import scored, until
from stream.core.feedback.facts import ANSWER, Answer, Said, pack
from stream.core.feedback.responders import respond
from stream.core.rules import Rules, Values
from stream.core.tally import SHIFT, Leaf, Vector, merge

SUBMITTED = loose(FeedbackSubmitted)
SCALES, SCORES = 64, 128
"""Surveys with their scales that are remembered, and scores of each: scales may be any, so may scores of an exit survey."""
TOLD = 100_000
"""Customers that are remembered as told of."""

_ANSWER, _SAID, _UNSET = pack(Answer(b""))[:1], pack(Said(""))[:1], pack(None)
"""How a packed answer begins, and what it says; and how what is not there is packed."""

Score = tuple[bytes, tuple[tuple[int, int], ...]]
"""A packed score, and the components that it adds to its survey's tally."""
Scaled = tuple[str, Scale | None, str | None]
"""A survey with the scale and the direction that an answer names."""


class Scores(dict[int | None, Score]):
    """The scores of a survey and scale that were right, and none: what was not seen is made."""

    def __init__(self, scaled: Scaled) -> None:
        super().__init__({None: (_UNSET, ())})
        self._scaled = scaled

    def __missing__(self, score: int) -> Score:
        survey, scale, direction = self._scaled
        found = pack(score), tuple(scored(survey, score, scale, direction, premature=False).items())
        if len(self) < SCORES:
            self[score] = found
        return found


class Place:
    """Where answers to one survey with the same dimensions go, and their record as far as it is the same.

    A record is: person, minute, `before`, score, `after`. `added` is what came since the last flush. What was only
    looked at has no leaf yet: its values count towards the caps when it is entered.
    """

    __slots__ = "added", "after", "before", "dimensions", "leaf", "scaled", "scores"

    def __init__(self, dimensions: Values, scaled: Scaled, scores: Scores) -> None:
        self.dimensions = dimensions
        self.scaled = scaled
        self.scores = scores
        self.leaf: Leaf | None = None
        self.added: Vector = {}

    def settle(self, values: Values, rules: Rules) -> None:
        """Be where answers with these values go."""
        survey, scale, direction = self.scaled
        self.before = pack(0) + _SAID + pack(survey)
        self.after = b"".join(map(pack, (scale, direction, False, (), values))) + 2 * _UNSET
        self.leaf = (survey, project(values, rules), ())


class Firsts:
    """What a partition holds to enter them, between two flushes and over them."""

    def __init__(self, book: Book, apply: Callable[[Book, Event, int, bytes], Outcome]) -> None:
        self._book = book
        self._apply = apply
        self._places: dict[tuple[Any, ...], Place] = {}
        """By what answers say; by values for those with labels."""
        self._scores: dict[Scaled, Scores] = {}
        self._touched: list[Place] = []
        self._told: dict[str, bytes] = {}
        """Some of the customers that the customers' topic was told of, and the person whose answer did."""
        self._as_of = (-1, -1)

    def look(self, events: Sequence[Event]) -> list[Place | None] | None:
        """The place of each answer, None for other events; None instead: an answer is not right.

        What is right is a matter of what the memory of places goes by, the score and the reasons.
        """
        self._keep_up()
        places = self._places
        loose: Any = SUBMITTED.data
        found: list[Place | None] = []
        for event in events:
            data: Any = event.data
            if type(data) is not loose:
                found.append(None)
                continue
            asked = (
                data.channel,
                data.touchpoint,
                data.team,
                data.priority,
                data.survey,
                data.scale,
                data.direction,
            )
            place = places.get(asked)
            if place is None or data.score not in place.scores or data.reasons:
                try:
                    place = self._checked(asked, SUBMITTED.tight_data(data))
                except ValueError:
                    return None
            found.append(place)
        return found

    def enter(self, plain: Plain) -> list[int]:
        """Enter events, one that is not just a score of which nothing is known by `apply`. The times of those accepted."""
        book, told, touched = self._book, self._told, self._touched
        entities, fresh = book.entities, book.fresh
        accepted: list[int] = []
        minutes: dict[int, tuple[bytes, int, list[bytes]]] = {}
        for event, looked, person, at, stamp in zip(*plain, strict=True):
            data: Any = event.data
            place = looked
            if (
                place is None
                or (key := ANSWER + data.feedback_id.encode()) in entities
                or (score := data.score) is None
                or data.revision
                or data.reasons
                or data.transaction_time is not None
            ):
                book.record_time = stamp
                one = event if place is None else SUBMITTED.tight(event)
                if self._apply(book, one, at, person) == "accepted":
                    accepted.append(at)
                continue
            accepted.append(at)
            if data.labels is not None:
                place = self._labelled(place, data.labels)
            elif place.leaf is None:
                place.settle(book.capped(place.dimensions, None), book.rules)
            packed, vector = place.scores[score]
            when, first, due = minutes.get(at // MINUTE) or self._minute(at // MINUTE, minutes)
            raw = b"".join((_ANSWER, pack(person), when, place.before, packed, place.after))
            entities[key] = raw
            fresh.append((key, raw))
            due.append(key)
            if vector:
                added = place.added
                if not added:
                    touched.append(place)
                for component, n in vector:
                    pane = first | component
                    added[pane] = added.get(pane, 0) + n
            if (customer := data.customer_id) is not None and told.get(customer) != person:
                book.record_time = stamp
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

    def _checked(self, asked: tuple[Any, ...], data: FeedbackSubmitted) -> Place:
        """The place of an answer that is right, by what it said before it was trimmed."""
        place = self._places.get(asked)
        if place is None:
            scaled = data.survey, data.scale, data.direction
            dimensions = data.channel, data.touchpoint, data.team, data.priority
            scores = self._scores.setdefault(scaled, Scores(scaled))
            place = self._places[asked] = Place(dimensions, scaled, scores)
        place.scores[data.score]  # to be found from now on
        return place

    def _labelled(self, place: Place, labels: dict[str, Any]) -> Place:
        """The place of an answer with labels, of which the one found by what it says knows the rest."""
        values = self._book.capped(place.dimensions, labels)
        asked = (values, *place.scaled)
        found = self._places.get(asked)
        if found is None:
            found = self._places[asked] = Place(place.dimensions, place.scaled, place.scores)
            found.settle(values, self._book.rules)
        return found

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

    def settle(self) -> None:
        """Enter in the deltas what was added."""
        for place in self._touched:
            merge(self._book.deltas, cast("Leaf", place.leaf), place.added)
            place.added = {}
        self._touched.clear()
