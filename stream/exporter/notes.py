"""The series of notes, which annotations of Grafana read."""

from collections.abc import Iterator, Sequence

from stream.core.windows.notes import ShownNote
from stream.exporter.exposition import header, line
from stream.exporter.pipeline_metrics import FAMILIES

NAME = "cx_note_timestamp_seconds"
MAX_SERIES = 100
"""Maximum number of notes that are exposed, the newest ones."""


def note_series(notes: Sequence[ShownNote]) -> Iterator[str]:
    """Yield the series of the newest of these notes, which are in the order of their time.

    Their value is the time of the note, as in other series of timestamps.
    """
    yield header(NAME, *FAMILIES[NAME])
    for note in notes[-MAX_SERIES:]:
        yield line(NAME, {"note_id": note.note_id, "text": note.text, **note.dimensions}, note.time / 1000)
