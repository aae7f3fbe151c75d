"""The rows of a database. A change needs another `LAYOUT`, with which older databases are read from the topics again."""

from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.stored_entities import StoredEntities
from stream.worker.disk import stored_checkpoint
from stream.worker.disk.stored_checkpoint import StoredCheckpoint
from tests.support import single
from tests.worker.disk.tables import MemoryTable

ROWS = {
    b"\0c": b"\x96\x01\xc4\x01m\x07\xc4\x03ids\xa1r\xc2",
    b"\0n": b"\x92\x02\x02",
    b"\0p\0\1pcp": b"",
    b"\0t" + bytes(5) + b"\x01\xd4\xc0" + bytes(7) + b"\x01": b"\x91\xc4\x02cp",
    b"\0u" + bytes(14) + b"\x00\x02": b"\x92\xc4\x02cp\xc4\x02ex",
    b"cp": b"",
    b"ex": b"\x92\x01\x02",
}


def test_rows_of_layout_1() -> None:
    """Entities, a person's key, timers, counters and checkpoint."""
    assert stored_checkpoint.LAYOUT == 1
    table = MemoryTable()
    entities = StoredEntities(table, single(Feedback()).kinds, is_empty=False)
    entities[b"cp"], entities[b"ex"] = b"", b"\x92\x01\x02"
    entities.timers(of_derived=False).keys(2 * 60_000 + 5).append(b"cp")
    entities.timers(of_derived=True).keys(0).extend([b"cp", b"ex"])
    entities.take()
    position = StoredCheckpoint(1, b"m", 7, b"ids", "r", has_erased=False)
    entities.commit([(stored_checkpoint.KEY, stored_checkpoint.encode(position))])
    assert table.rows == ROWS
