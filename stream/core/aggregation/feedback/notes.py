"""Notes: the newest of a partition as one entity, and how events change them.

They are in no metric. Their contributions carry text and dimensions as own labels of a stock, so that exporters get
them like every figure: once, with edits and deletions, in the transaction of the flush.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from schemas.envelope import Event
from schemas.notes import NoteDeleted
from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore, project_dimensions
from stream.core.aggregation.event_ids import compact_id, expand_id
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.feedback import NOTES, NotesLayout
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import HOUR

KEY = b"n"
"""Key of the only entity of its kind in a partition."""
MAX_NOTES = 200
"""Notes that a partition keeps, the newest ones."""
MAX_BYTES = 256 << 10
"""Packed size of these. Kafka's limit for a record is 1 MiB."""


class StoredNote(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A note, as its event with the highest order says. Times in ms."""

    note_id: str
    time: int = 0
    """Time of that event, 0 if only a deletion is known."""
    revision: int = -1
    id: Any = ""
    """ID of that event (a `CompactId`)."""
    text: str | None = None
    """None of a deleted note."""
    values: DimensionValues = ()
    deleted: int | None = None
    """Time of the deletion, None if the note was not deleted."""

    @property
    def newest(self) -> int:
        """The newest time of its events in ms."""
        return max(self.time, self.deleted or 0)


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], tuple[StoredNote, ...]] = msgspec.msgpack.Decoder(tuple[StoredNote, ...]).decode


def expires_at(time: int, config: AggregationConfig) -> int:
    """Return the watermark in ms at which a note is forgotten whose newest event has this time (ms).

    Time lines reach back as far as hour panes do. By then its events are late.
    """
    return (time // HOUR + 1) * HOUR + config.pane_retention


def process(store: EntityStore, event: Event, event_time: int) -> Outcome:
    """Change the notes by an event, and the deltas by the difference. `event_time` is in ms."""
    data: Any = event.data
    raw = store.entities.get(KEY)
    before = () if raw is None else unpack(raw)
    notes = {note.note_id: note for note in before if expires_at(note.newest, store.config) > store.watermark}
    known = notes.get(data.note_id, StoredNote(data.note_id))
    change = _deleted if type(data) is NoteDeleted else _published
    changed = change(store, known, event, event_time)
    if changed is None:
        return "duplicate"
    notes[data.note_id] = changed
    after = tuple(sorted(notes.values(), key=lambda note: (note.newest, note.note_id)))[-MAX_NOTES:]
    while len(packed := pack(after)) > MAX_BYTES:
        after = after[1:]
    store.apply_difference(_contributions(before, store.config), _contributions(after, store.config))
    store.put(KEY, packed, expires_at(after[-1].newest, store.config))
    return "accepted"


def _published(store: EntityStore, known: StoredNote, event: Event, event_time: int) -> StoredNote | None:
    """Return a note after an event with its text, None if the event is a duplicate."""
    data: Any = event.data
    order = (known.revision, known.time, expand_id(known.id))
    if (data.revision, event_time, event.id) <= order:
        return None
    values = store.dimension_values(data)
    is_deleted = known.deleted is not None
    return StoredNote(
        known.note_id,
        event_time,
        data.revision,
        compact_id(event.id),
        None if is_deleted else data.text,
        () if is_deleted else values,
        known.deleted,
    )


def _deleted(_store: EntityStore, known: StoredNote, _event: Event, event_time: int) -> StoredNote | None:
    if known.deleted is not None:
        return None
    return msgspec.structs.replace(known, text=None, values=(), deleted=event_time)


def _contributions(notes: Iterable[StoredNote], config: AggregationConfig) -> Sequence[Contribution]:
    """Return a contribution for each note, to the view `total` only: its dimensions are own labels."""
    everyone = project_dimensions((), config)
    return [
        Contribution(NOTES.name, everyone, _own_labels(note, config), 0, {NotesLayout.TIME: note.time})
        for note in notes
        if note.text is not None
    ]


def _own_labels(note: StoredNote, config: AggregationConfig) -> tuple[str, ...]:
    named = zip(config.dimensions, note.values, strict=False)
    pairs = [text for name, value in named if value is not None for text in (name, value)]
    return (note.note_id, note.text or "", *pairs)


class NotesKind(EntityKind):
    """The notes of a partition. They belong to no person."""

    def __init__(self) -> None:
        super().__init__(KEY, "notes", unpack)

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return when the newest note is forgotten. Older ones go when another note is read."""
        del key
        return max(expires_at(note.newest, config) for note in unpack(raw))

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Derive the contributions."""
        del key
        return tuple(_contributions(unpack(raw), config))

    def retracted_by_expiry(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return the contributions, because a stock has no end of its own."""
        return self.contributions(key, raw, config)

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values."""
        del key
        return pack(
            tuple(
                msgspec.structs.replace(note, values=store.remap_values(note.values, old_dimensions))
                for note in unpack(raw)
            )
        )
