"""Fast path for new answers, which are nearly all events: one loop without an object for each step.

It does what `events.process` does with an answer to which no entity belongs yet. Tests compare the two. Fields are
checked and packed by hand here, and `fast_path_guard` refuses a struct with a field that this module does not know.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from schemas.envelope import Event
from schemas.feedback import AnswerSummarized, FeedbackSubmitted, Scale
from schemas.fields import Data
from schemas.times import from_ms
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import MAX_CACHED_PROJECTIONS, EntityStore, project_dimensions
from stream.core.aggregation.event_ids import compact_ids
from stream.core.aggregation.feedback.derive import expires_at, scale_is_capped, score_labels, score_vector
from stream.core.aggregation.feedback.entity import ANSWER, Answer, AnswerContent, pack
from stream.core.aggregation.feedback.events import process
from stream.core.aggregation.feedback.fast_path_guard import check_known_fields
from stream.core.aggregation.feedback.responders import record_response
from stream.core.aggregation.feedback.summary import SUMMARIZED, answer_class, write
from stream.core.aggregation.feedback.unchecked import unchecked
from stream.core.model.aggregate import COMPONENT_BITS, AggregateName, BaseCell, Vector, accumulate_vector
from stream.core.model.aggregation_config import DimensionValues
from stream.core.model.time_buckets import MINUTE

check_known_fields()
UNCHECKED_SUBMITTED = unchecked(FeedbackSubmitted)
MAX_CACHED_SCALES, MAX_CACHED_SCORES = 64, 128
"""Cached surveys with their scales, and cached scores of each. Both are open: an exit survey may have any scale."""
MAX_CACHED_RESPONDERS = 100_000
"""Cached customers for whom `CustomerResponded` was derived."""

_ANSWER, _CONTENT, _NIL = pack(Answer())[:1], pack(AnswerContent(""))[:1], pack(None)
"""The array headers of a packed answer and of its content, and a packed None."""
_END = 4 * _NIL
"""Ticket, offer, deletion and `named_by` of a new answer without a ticket."""

PackedScore = tuple[bytes, tuple[tuple[int, int], ...]]
"""A packed score, and the components that it adds to the aggregate of its survey."""
SurveyScale = tuple[str, Scale | None, str | None]
"""A survey with the scale and the direction of an answer."""
MinuteEntry = tuple[int, list[bytes]]
"""The first position of a minute in a flat vector, and the timer keys of answers of that minute."""


class ScoreCache(dict[int | None, PackedScore]):
    """Packed scores of a survey and scale. A score or None is a key once an answer with it was valid."""

    def __init__(self, survey_scale: SurveyScale) -> None:
        super().__init__({None: (_NIL, ())})
        self._survey_scale = survey_scale

    def __missing__(self, score: int) -> PackedScore:
        survey, scale, direction = self._survey_scale
        vector = score_vector(survey, score, scale, direction, premature=False)
        packed = pack(score), tuple(vector.items())
        if len(self) < MAX_CACHED_SCORES:
            self[score] = packed
        return packed


class AnswerTemplate:
    """Answers to one survey with the same dimensions: their base cell, and the parts that their records share.

        record:   | header | customer, time, id | before | score | after | ticket, end |

    `pending` is added to the base cell at the flush. `base_cell` stays None until an answer is processed, because only
    processed answers count towards the cardinality limit.
    """

    __slots__ = (
        "after",
        "base_cell",
        "before",
        "dimensions",
        "is_summarized",
        "pending",
        "scores",
        "survey_scale",
    )

    def __init__(self, dimensions: DimensionValues, survey_scale: SurveyScale, scores: ScoreCache) -> None:
        self.dimensions = dimensions
        self.survey_scale = survey_scale
        self.scores = scores
        self.is_summarized = survey_scale[0] in SUMMARIZED
        self.base_cell: BaseCell | None = None
        self.pending: Vector = {}

    def bind(self, values: DimensionValues, store: EntityStore) -> None:
        """Set the base cell and the record's parts to those of answers with these capped values."""
        survey, scale, direction = self.survey_scale
        capped = scale_is_capped(store, survey, scale, direction)
        self.before = pack(0) + pack(0) + _CONTENT + pack(survey)
        self.after = b"".join(map(pack, (scale, direction, False, (), values, capped)))
        # The aggregate of a scored survey has the survey's name. The vectors of other surveys are empty.
        own_labels = score_labels(survey, scale, direction, capped)
        self.base_cell = (AggregateName(survey), project_dimensions(values, store.config), own_labels)


class NewAnswerFastPath:
    """The fast path of one partition, with its caches: see `BatchFastPath`."""

    unchecked_events: Mapping[type[Data], type[Event]] = {FeedbackSubmitted: UNCHECKED_SUBMITTED.event}

    def __init__(self, store: EntityStore) -> None:
        self._store = store
        self._templates: dict[tuple[Any, ...], AnswerTemplate] = {}
        """By the key of `validate`, of answers with labels by capped values and survey."""
        self._score_caches: dict[SurveyScale, ScoreCache] = {}
        self._pending_templates: list[AnswerTemplate] = []
        self._known_responders: set[str] = set()
        """Customers for whom `CustomerResponded` was derived."""
        self._cache_version = (-1, -1)

    def validate(self, events: Sequence[Event]) -> list[AnswerTemplate | None] | None:
        """Return the template of each answer (None for other events), or None if any answer is invalid.

        A full check is needed only if the template, or the score in it, was not seen before, or there are reasons.
        """
        self._invalidate_caches()
        cached = self._templates.get
        unchecked_type: Any = UNCHECKED_SUBMITTED.data
        templates: list[AnswerTemplate | None] = []
        for event in events:
            data: Any = event.data
            if type(data) is not unchecked_type:
                templates.append(None)
                continue
            key = (  # an attrgetter would take 0.1 µs more, which is a tenth of decoding
                data.channel,
                data.touchpoint,
                data.team,
                data.priority,
                data.program,
                data.survey,
                data.scale,
                data.direction,
            )
            template = cached(key)
            if template is None or data.score not in template.scores or data.reasons:
                try:
                    template = self._validated_template(key, UNCHECKED_SUBMITTED.validated_data(data))
                except ValueError:
                    return None
            templates.append(template)
        return templates

    def process(self, batch: ValidatedBatch) -> set[int]:
        """Process validated events and return the offsets of the duplicates. All others are accepted.

        Only a new answer with a score, without revision, reasons, transaction time and kept comment takes the fast path.
        """
        store, pending, fresh = self._store, self._pending_templates, self._store.entities.fresh
        entities, inserted_rows, on_insert = store.entities, store.inserted_rows, store.on_insert
        duplicates: set[int] = set()
        minutes: dict[int, MinuteEntry] = {}
        for event, template, owner, event_time, compact, position in zip(
            batch.events,
            batch.validated,
            batch.owners,
            batch.event_times,
            compact_ids([event.id for event in batch.events]),
            batch.positions,
            strict=True,
        ):
            data: Any = event.data
            if (
                template is None
                or (key := ANSWER + owner) in entities
                or (score := data.score) is None
                or data.revision
                or data.reasons
                or data.transaction_time is not None
                or (data.comment and store.comments is not None)
            ):
                store.move_to(*position)
                checked = event if template is None else UNCHECKED_SUBMITTED.validated(event)
                if process(store, checked, event_time, owner) != "accepted":
                    duplicates.add(position[0])
                continue
            if data.labels is not None:
                template = self._labelled_template(template, data.labels)  # noqa: PLW2901 - the event's, with labels
            elif template.base_cell is None:
                template.bind(store.capped_values(template.dimensions, None), store)
            packed_score, components = template.scores[score]
            minute = event_time // MINUTE
            first, timer_keys = minutes.get(minute) or self._minute_entry(minute, minutes)
            # One call packs the three fields that are the answer's own, as an array without its header.
            own_fields = pack((data.customer_id, event_time, compact))[1:]
            ticket = data.ticket_id if data.survey == "csat" else None
            end = _END if ticket is None else pack(ticket) + _END[1:]
            raw = b"".join((_ANSWER, own_fields, template.before, packed_score, template.after, end))
            fresh[key] = raw
            inserted_rows.append((key, raw))
            timer_keys.append(key if on_insert is None else on_insert(key, raw, data.customer_id))
            vector = template.pending
            if components and not vector:
                pending.append(template)
            for component, n in components:
                cell = first | component
                vector[cell] = vector.get(cell, 0) + n
            if data.customer_id is not None:
                store.move_to(*position)
                self._derive_events(template, data, event_time, ticket)
        return duplicates

    def _derive_events(
        self, template: AnswerTemplate, data: Any, event_time: int, ticket: str | None
    ) -> None:
        """Derive what the records of `cx.customers` are to say about a new answer of a customer."""
        store, customer = self._store, data.customer_id
        if customer not in self._known_responders:
            record_response(store, customer, event_time)
            self._known_responders.add(customer)
        if template.is_summarized:
            summary = _summary(data, event_time, ticket, store.offset)
            write(store, summary, f"{store.offset}/{data.feedback_id}", event_time)

    def apply_pending(self) -> None:
        """Add the pending vectors to the store's deltas."""
        for template in self._pending_templates:
            accumulate_vector(self._store.deltas, cast("BaseCell", template.base_cell), template.pending)
            template.pending = {}
        self._pending_templates.clear()

    def _invalidate_caches(self) -> None:
        """Clear caches that are full or stale: caps change with a rebuild, responders with erasures."""
        store = self._store
        rebuilds, erased = self._cache_version
        if (
            rebuilds != store.cardinality.rebuilds
            or len(self._templates) > MAX_CACHED_PROJECTIONS
            or len(self._score_caches) > MAX_CACHED_SCALES
        ):
            self._templates.clear()
            self._score_caches.clear()
        if erased != store.erased or len(self._known_responders) > MAX_CACHED_RESPONDERS:
            self._known_responders.clear()
        self._cache_version = store.cardinality.rebuilds, store.erased

    def _validated_template(self, key: tuple[Any, ...], data: FeedbackSubmitted) -> AnswerTemplate:
        """Return the template of checked data. `key` holds its fields as they were before trimming."""
        template = self._templates.get(key)
        if template is None:
            survey_scale = data.survey, data.scale, data.direction
            # Positional as in NAMED_DIMENSIONS, of which the last two belong to other topics.
            dimensions = data.channel, data.touchpoint, data.team, data.priority, data.program, None, None
            scores = self._score_caches.setdefault(survey_scale, ScoreCache(survey_scale))
            template = self._templates[key] = AnswerTemplate(dimensions, survey_scale, scores)
        template.scores[data.score]  # caches the score as valid
        return template

    def _labelled_template(self, template: AnswerTemplate, labels: dict[str, Any]) -> AnswerTemplate:
        """Return the template of an answer with labels. `template` is that of its other fields."""
        values = self._store.capped_values(template.dimensions, labels)
        key = (values, *template.survey_scale)
        labelled = self._templates.get(key)
        if labelled is None:
            labelled = AnswerTemplate(template.dimensions, template.survey_scale, template.scores)
            labelled.bind(values, self._store)
            self._templates[key] = labelled
        return labelled

    def _minute_entry(self, minute: int, minutes: dict[int, MinuteEntry]) -> MinuteEntry:
        """Return the entry of a minute and keep it in `minutes`."""
        timer_keys = self._store.timer_keys(expires_at(minute, self._store.config))
        entry = minutes[minute] = minute << COMPONENT_BITS, timer_keys
        return entry


def _summary(data: Any, event_time: int, ticket: str | None, offset: int) -> AnswerSummarized:
    """Return what `summary.summarize` returns of a new answer with a score."""
    return AnswerSummarized(
        feedback_id=data.feedback_id,
        customer_id=data.customer_id,
        number=offset,
        survey=data.survey,
        moment=from_ms(event_time),
        counts=True,
        answer_class=answer_class(data.survey, data.score, data.scale),
        ticket_id=ticket,
    )
