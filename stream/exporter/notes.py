"""The series of notes, which annotations of Grafana read."""

from collections.abc import Iterable, Iterator

from stream.core.windows.notes import ShownNote
from stream.exporter.exposition import header, line
from stream.exporter.pipeline_metrics import FAMILIES

NAME = "cx_note_timestamp_seconds"


def note_series(notes: Iterable[ShownNote]) -> Iterator[str]:
    """Yield the series of notes. Their value is the time of the note, as in other series of timestamps."""
    yield header(NAME, *FAMILIES[NAME])
    for note in notes:
        yield line(NAME, {"note_id": note.note_id, "text": note.text, **note.dimensions}, note.time / 1000)
