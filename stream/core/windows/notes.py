"""The notes that the panes hold, of all partitions of a domain."""

from collections.abc import Iterator
from typing import NamedTuple

from stream.core.model.aggregate import OwnLabels, Vector, add
from stream.core.model.aggregates.feedback import NOTES, NotesLayout


class ShownNote(NamedTuple):
    """A note: time in ms since the epoch, ID, text, values of its dimensions by name."""

    time: int
    note_id: str
    text: str
    dimensions: dict[str, str]


class NoteBoard:
    """Notes by the own labels of their cells."""

    aggregate = NOTES.name

    def __init__(self) -> None:
        self._vectors: dict[OwnLabels, Vector] = {}

    def apply(self, own_labels: OwnLabels, delta: Vector) -> None:
        """Apply the difference of a cell. A note whose sum becomes zero is removed.

        Raises ValueError for labels that are not those of a note.
        """
        if len(own_labels) < 2 or len(own_labels) % 2:
            raise ValueError(
                f"note: expected ID, text and pairs of name and value, got {len(own_labels)} labels"
            )
        vector = self._vectors.setdefault(own_labels, {})
        add(vector, delta)
        if not vector:
            del self._vectors[own_labels]

    def between(self, first: int, last: int) -> list[ShownNote]:
        """Return the notes from `first` to `last` (ms, both inside), in the order of their time."""
        shown = [note for note in self._notes() if first <= note.time <= last]
        return sorted(shown, key=lambda note: (note.time, note.note_id))

    def _notes(self) -> Iterator[ShownNote]:
        for (note_id, text, *pairs), vector in self._vectors.items():
            dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
            yield ShownNote(vector.get(NotesLayout.TIME, 0), note_id, text, dimensions)
