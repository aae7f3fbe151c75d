"""The rows of a database. A change needs another `LAYOUT`, with which older databases are read from the topics again."""

from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.entity import Answer, pack
from stream.core.aggregation.stored_entities import StoredEntities
from stream.worker.disk import stored_checkpoint
from stream.worker.disk.stored_checkpoint import StoredCheckpoint
from tests.support import aggregation_config, single
from tests.worker.disk.tables import MemoryTable

PERSON = b"\x82\x07\x9e\xb1"
"""The checksum of `p`."""
ROWS = {
    b"\0c": b"\x96\x02\xc4\x01m\x07\xc4\x03ids\xa1r\xc2",
    b"\0n": b"\x92\x02\x02",
    b"\0p" + PERSON + b"cp": b"",
    b"\0t" + bytes(5) + b"\x01\xd4\xc0" + bytes(8) + PERSON + b"ak": b"\x01",
    b"\0t" + bytes(5) + b"\x01\xd4\xc0" + bytes(7) + b"\x01": b"\x92\xc4\x06\0\0\0\0cp\xc4\x06"
    + PERSON
    + b"ak",
    b"\0u" + bytes(14) + b"\x00\x02": b"\x91\xc4\x06\0\0\0\0ex",
    b"cp": b"",
    b"ex": b"\x92\x01\x02",
}
ANSWER = pack(Answer(customer="p"))


def test_rows_of_layout_2() -> None:
    """Entities, a person's key, timers, of which one is cancelled, counters and checkpoint."""
    assert stored_checkpoint.LAYOUT == 2
    table = MemoryTable()
    entities = StoredEntities(table, single(Feedback()).kinds, aggregation_config(), is_empty=False)
    entities.put(b"cp", b"", reschedules=False)
    entities.put(b"ex", b"\x92\x01\x02", reschedules=False)
    timers = entities.timers(of_derived=False)
    timers.keys(2 * 60_000 + 5).extend([entities.timer(b"cp", b""), entities.timer(b"ak", ANSWER)])
    timers.cancel(2 * 60_000 + 7, entities.timer(b"ak", ANSWER))
    entities.timers(of_derived=True).keys(0).append(entities.timer(b"ex", b"\x92\x01\x02"))
    entities.take()
    position = StoredCheckpoint(2, b"m", 7, b"ids", "r", has_erased=False)
    entities.commit([(stored_checkpoint.KEY, stored_checkpoint.encode(position))])
    assert table.rows == ROWS
