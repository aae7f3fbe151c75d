"""Answers of which nothing is known, by the batch: nearly every event is one, so this is short.

What `Feedback.apply` does with such an answer, without an object for each step; tests hold the two together.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from schemas.envelope import Event
from schemas.feedback import FeedbackSubmitted, Scale
from schemas.fields import Data
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import (
    MAX_CACHED_PROJECTIONS,
    EntityStore,
    project_dimensions,
)
from stream.core.aggregation.feedback.derive import expires_at, score_vector
from stream.core.aggregation.feedback.entity import ANSWER, Answer, AnswerContent, pack
from stream.core.aggregation.feedback.events import process
from stream.core.aggregation.feedback.responders import record_response
from stream.core.aggregation.feedback.unchecked import unchecked
from stream.core.model.aggregate import COMPONENT_BITS, BaseCell, Vector, accumulate_vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

UNCHECKED_SUBMITTED = unchecked(FeedbackSubmitted)
MAX_CACHED_SCALES, MAX_CACHED_SCORES = 64, 128
"""Surveys with their scales that are remembered, and scores of each: scales may be any, so may scores of an exit survey."""
MAX_CACHED_RESPONDERS = 100_000
"""Customers that are remembered as told of."""

_ANSWER, _CONTENT, _NIL = pack(Answer(b""))[:1], pack(AnswerContent(""))[:1], pack(None)
"""How a packed answer begins, and what it says; and how what is not there is packed."""

PackedScore = tuple[bytes, tuple[tuple[int, int], ...]]
"""A packed score, and the components that it adds to its survey's tally."""
SurveyScale = tuple[str, Scale | None, str | None]
"""A survey with the scale and the direction that an answer names."""


class ScoreCache(dict[int | None, PackedScore]):
    """The scores of a survey and scale that were right, and none: what was not seen is made."""

    def __init__(self, scaled: SurveyScale) -> None:
        super().__init__({None: (_NIL, ())})
        self._survey_scale = scaled

    def __missing__(self, score: int) -> PackedScore:
        survey, scale, direction = self._survey_scale
        found = pack(score), tuple(score_vector(survey, score, scale, direction, premature=False).items())
        if len(self) < MAX_CACHED_SCORES:
            self[score] = found
        return found


class AnswerTemplate:
    """Where answers to one survey with the same dimensions go, and their record as far as it is the same.

    A record is: person, minute, `before`, score, `after`. `added` is what came since the last flush. What was only
    looked at has no leaf yet: its values count towards the caps when it is entered.
    """

    __slots__ = ("after", "base_cell", "before", "dimensions", "pending", "scores", "survey_scale")

    def __init__(self, dimensions: DimensionValues, scaled: SurveyScale, scores: ScoreCache) -> None:
        self.dimensions = dimensions
        self.survey_scale = scaled
        self.scores = scores
        self.base_cell: BaseCell | None = None
        self.pending: Vector = {}

    def bind(self, values: DimensionValues, config: AggregationConfig) -> None:
        """Be where answers with these values go."""
        survey, scale, direction = self.survey_scale
        self.before = pack(0) + _CONTENT + pack(survey)
        self.after = b"".join(map(pack, (scale, direction, False, (), values))) + 2 * _NIL
        self.base_cell = (survey, project_dimensions(values, config), ())


class NewAnswerFastPath:
    """The fast path of one partition, with its caches: see `BatchFastPath`."""

    unchecked_events: Mapping[type[Data], type[Event]] = {FeedbackSubmitted: UNCHECKED_SUBMITTED.event}

    def __init__(self, store: EntityStore) -> None:
        self._store = store
        self._templates: dict[tuple[Any, ...], AnswerTemplate] = {}
        """By what answers say; by values for those with labels."""
        self._score_caches: dict[SurveyScale, ScoreCache] = {}
        self._pending_templates: list[AnswerTemplate] = []
        self._known_responders: dict[str, bytes] = {}
        """Some of the customers that the customers' topic was told of, and the person whose answer did."""
        self._cache_version = (-1, -1)

    def validate(self, events: Sequence[Event]) -> list[AnswerTemplate | None] | None:
        """The place of each answer, None for other events; None instead: an answer is not right.

        What is right is a matter of what the memory of places goes by, the score and the reasons.
        """
        self._invalidate_caches()
        places = self._templates
        loose: Any = UNCHECKED_SUBMITTED.data
        found: list[AnswerTemplate | None] = []
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
                    place = self._validated_template(asked, UNCHECKED_SUBMITTED.validated_data(data))
                except ValueError:
                    return None
            found.append(place)
        return found

    def process(self, batch: ValidatedBatch) -> list[int]:
        """Enter events, one that is not just a score of which nothing is known by `apply`. The times of those accepted."""
        store, told, touched = self._store, self._known_responders, self._pending_templates
        entities, fresh = store.entities, store.inserted_rows
        accepted: list[int] = []
        minutes: dict[int, tuple[bytes, int, list[bytes]]] = {}
        for event, looked, person_key, event_time, record_timestamp in zip(
            batch.events,
            batch.validated,
            batch.person_keys,
            batch.event_times,
            batch.record_timestamps,
            strict=True,
        ):
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
                store.record_timestamp = record_timestamp
                one = event if place is None else UNCHECKED_SUBMITTED.validated(event)
                if process(store, one, event_time, person_key) == "accepted":
                    accepted.append(event_time)
                continue
            accepted.append(event_time)
            if data.labels is not None:
                place = self._labelled_template(place, data.labels)
            elif place.base_cell is None:
                place.bind(store.capped_values(place.dimensions, None), store.rules)
            packed, vector = place.scores[score]
            when, first, due = minutes.get(event_time // MINUTE) or self._packed_minute(
                event_time // MINUTE, minutes
            )
            raw = b"".join((_ANSWER, pack(person_key), when, place.before, packed, place.after))
            entities[key] = raw
            fresh.append((key, raw))
            due.append(key)
            if vector:
                added = place.pending
                if not added:
                    touched.append(place)
                for component, n in vector:
                    pane = first | component
                    added[pane] = added.get(pane, 0) + n
            if (customer := data.customer_id) is not None and told.get(customer) != person_key:
                store.record_timestamp = record_timestamp
                record_response(store, customer, event_time, person_key)
                told[customer] = person_key
        return accepted

    def _invalidate_caches(self) -> None:
        """Begin anew with what may have become wrong: caps were learnt again, entities forgotten."""
        store = self._store
        learnt, forgotten = self._cache_version
        if (
            learnt != store.cardinality.rebuilds
            or len(self._templates) > MAX_CACHED_PROJECTIONS
            or len(self._score_caches) > MAX_CACHED_SCALES
        ):
            self._templates.clear()
            self._score_caches.clear()
        if forgotten != store.removals or len(self._known_responders) > MAX_CACHED_RESPONDERS:
            self._known_responders.clear()
        self._cache_version = store.cardinality.rebuilds, store.removals

    def _validated_template(self, asked: tuple[Any, ...], data: FeedbackSubmitted) -> AnswerTemplate:
        """The place of an answer that is right, by what it said before it was trimmed."""
        place = self._templates.get(asked)
        if place is None:
            scaled = data.survey, data.scale, data.direction
            dimensions = data.channel, data.touchpoint, data.team, data.priority
            scores = self._score_caches.setdefault(scaled, ScoreCache(scaled))
            place = self._templates[asked] = AnswerTemplate(dimensions, scaled, scores)
        place.scores[data.score]  # to be found from now on
        return place

    def _labelled_template(self, place: AnswerTemplate, labels: dict[str, Any]) -> AnswerTemplate:
        """The place of an answer with labels, of which the one found by what it says knows the rest."""
        values = self._store.capped_values(place.dimensions, labels)
        asked = (values, *place.survey_scale)
        found = self._templates.get(asked)
        if found is None:
            found = self._templates[asked] = AnswerTemplate(
                place.dimensions, place.survey_scale, place.scores
            )
            found.bind(values, self._store.rules)
        return found

    def _packed_minute(
        self, minute: int, minutes: dict[int, tuple[bytes, int, list[bytes]]]
    ) -> tuple[bytes, int, list[bytes]]:
        """A minute packed, its place in a flat vector, and where to note what is forgotten with it."""
        found = minutes[minute] = (
            pack(minute),
            minute << COMPONENT_BITS,
            self._store.timer_keys(expires_at(minute, self._store.rules)),
        )
        return found

    def apply_pending(self) -> None:
        """Enter in the deltas what was added."""
        for place in self._pending_templates:
            accumulate_vector(self._store.deltas, cast("BaseCell", place.base_cell), place.pending)
            place.pending = {}
        self._pending_templates.clear()
