"""Databases of a worker: what is found after reopening, on a full or damaged disk, and after an erasure."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.customers import CustomerErased
from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation import stored_entities
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as checkpoint_format
from stream.kafka.reading import OffsetRange
from stream.worker.disk import database as databases
from stream.worker.disk import local_state
from stream.worker.disk.database import DiskFailed, WriteRefused
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from tests.support import DAY, NOW, Event, records, single
from tests.worker.disk.tables import rocks

FACTS = TopicFacts(b"ids", DAY)


def open_local(folder: Path) -> LocalState:
    """Return the databases of a new process."""
    return LocalState(claim(folder, ["cluster"], "one"), {"feedback": FACTS}, lambda: NOW)


def start(local: LocalState, marker: bytes | None = None, state_end: int = 0) -> tuple[PartitionTask, int]:
    """Return a task whose entities are on disk, and the offset of the state topic to read from."""
    task = single(Feedback())
    if marker is not None:
        task.restore_panes(checkpoint_format.KEY, marker)
    begin = local.open(task, OffsetRange(0, state_end))
    task.finish_restore()
    return task, begin


def count(local: LocalState, task: PartitionTask, *events: Event) -> bytes:
    """Process events and write a flush to disk. Return its checkpoint."""
    task.process(records(events, task.next_offset), NOW)
    task.prepare_flush(NOW, 0)
    marker = checkpoint_format.encode(task.checkpoint)
    local.commit(task, marker, task.next_offset)
    return marker


def answer(name: str, customer: str | None = None) -> Event:
    data = FeedbackSubmitted(feedback_id=name, survey="nps", score=9, customer_id=customer)
    return Event(data, NOW, NOW, f"e-{name}")


def test_a_restart_reads_the_end_of_the_topic_only(tmp_path: Path) -> None:
    """The entities are those of the commit. Timers and keys of persons are there, too."""
    local = open_local(tmp_path)
    task, begin = start(local)
    assert begin == 0
    marker = count(local, task, answer("a", "c"), answer("b"))
    count_again = dict(task.store.entities.items())
    local.stop()
    local = open_local(tmp_path)
    restarted, begin = start(local, marker, 9)
    assert begin == 2
    assert dict(restarted.store.entities.items()) == count_again
    persons = restarted.store.entities.persons
    assert persons is not None
    assert persons.of_person(b"c") == [b"aa", b"cc"]
    restarted.checkpoint.watermark = later = NOW + 60 * DAY
    assert {key for key, _ in restarted.prepare_flush(later, 0).state} == {b"aa", b"ab"}
    local.stop()


@pytest.mark.parametrize(("age", "is_kept"), [(0.9 * DAY, True), (1.1 * DAY, False)])
def test_unused_databases_are_kept_while_the_topic_has_deletions(
    tmp_path: Path, age: float, is_kept: bool
) -> None:
    """As long as a start would use them, by the setting of the topic."""
    local = open_local(tmp_path)
    unused = local.folder.partition("feedback", 7)
    unused.mkdir()
    (unused / "CURRENT").touch()
    used_at = time.time() - age / 1000
    os.utime(unused / "CURRENT", (used_at, used_at))
    task, _ = start(local)
    count(local, task, answer("a"))
    assert unused.exists() == is_kept
    local.stop()


def test_a_reopened_database_has_its_bloom_filter(tmp_path: Path) -> None:
    """By the options that RocksDB itself writes down. Without it a look-up of a new ID takes ten times as long."""
    marker: bytes | None = None
    for _ in range(2):
        local = open_local(tmp_path)
        task, _ = start(local, marker, 9)
        marker = count(local, task, answer("a"))
        path = local.opened[task].database.folder
        newest = max(path.glob("OPTIONS-*"))
        assert "filter_policy=bloomfilter" in newest.read_text()
        local.stop()


def test_a_full_disk_stops_reading_and_then_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are kept until there is room. Metrics and remarks say so."""
    local = open_local(tmp_path)
    task, _ = start(local)
    clock = 0
    monkeypatch.setattr(local_state, "monotonic_ms", lambda: clock)
    monkeypatch.setattr(local_state, "MIN_FREE", 1 << 60)
    count(local, task, answer("a"))
    assert local.is_full(task)
    opened = local.opened[task]
    assert (opened.entities.unwritten, opened.refusals) == (1, 1)
    (remark,) = local.remarks()
    assert remark.endswith("feedback-0 cannot be written at the moment. Counting of the partition waits")
    clock = local_state.REFUSED_TIMEOUT
    count(local, task, answer("b"))
    monkeypatch.setattr(local_state, "MIN_FREE", 0)
    marker = count(local, task, answer("c"))
    assert not local.is_full(task)
    assert local.remarks() == []
    monkeypatch.setattr(local_state, "MIN_FREE", 1 << 60)
    count(local, task, answer("d"))
    clock *= 3
    with pytest.raises(DiskFailed, match=r"feedback-0: no write for 60 s: \d+ MiB are free.*Nothing is lost"):
        count(local, task, answer("e"))
    local.stop()
    local = open_local(tmp_path)
    monkeypatch.setattr(local_state, "MIN_FREE", 0)
    restarted, begin = start(local, marker, 9)
    assert begin == 3
    assert {key for key, _ in restarted.store.entities.items()} == {b"aa", b"ab", b"ac"}
    local.stop()


def test_a_restore_that_cannot_write_ends_with_the_name_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush is told at once instead, and waits by itself."""
    table = rocks(tmp_path / "feedback-0")
    table.close()

    class Stalled:
        def write(self, *_: Any) -> None:
            raise RuntimeError("Incomplete: Write stall")

    monkeypatch.setattr(table, "_db", Stalled())
    monkeypatch.setattr(databases, "PATIENCE", 0.1)
    with pytest.raises(
        DiskFailed, match=r"feedback-0: no write for 0 s: Incomplete: Write stall\. Nothing is lost"
    ):
        table.write([(b"a", b"")], patiently=True)
    with pytest.raises(WriteRefused):
        table.write([(b"a", b"")])


def test_a_damaged_database_is_read_from_the_topic_again(tmp_path: Path) -> None:
    """The worker ends with a clear text, and the next start does not use the database."""
    local = open_local(tmp_path)
    task, _ = start(local)
    marker = count(local, task, *(answer(f"{n:05}") for n in range(2_000)))
    database = local.opened[task].database
    database._db.flush()
    local.stop()
    (file,) = database.folder.glob("*.sst")
    raw = bytearray(file.read_bytes())
    middle = len(raw) // 2  # the checkpoint is at the beginning, the index at the end
    raw[middle : middle + 5_000] = bytes(5_000)
    file.write_bytes(raw)
    local = open_local(tmp_path)
    task, begin = start(local, marker, 2_000)
    assert begin == 2_000
    with pytest.raises(DiskFailed, match=r"worker\.state_dir: .*feedback-0: Corruption"):
        list(task.store.entities.items())
    local.stop()
    local = open_local(tmp_path)
    assert start(local, marker, 2_000)[1] == 0
    local.stop()


def test_an_erased_person_leaves_the_files(tmp_path: Path) -> None:
    """After the rewrite that the erasure begins. The log of file borders keeps an ID until the next start."""
    local = open_local(tmp_path)
    task, _ = start(local)
    customer = "customer-4711"
    count(local, task, *(answer(f"{n:05}") for n in range(500)), answer("01000", customer))
    database = local.opened[task].database
    database._db.flush()
    files = [path for path in database.folder.glob("*.sst") if customer.encode() in path.read_bytes()]
    assert files
    marker = count(local, task, Event(CustomerErased(customer_id=customer), NOW, NOW, "erasure"))
    assert database._rewriting is not None
    database._rewriting.join()
    assert local.opened[task].has_erased
    count(local, task)
    assert not local.opened[task].has_erased
    local.stop()
    local = open_local(tmp_path)
    start(local, marker, 9_999)
    local.stop()
    holding = [
        path.name
        for path in database.folder.iterdir()
        if path.is_file() and customer.encode() in path.read_bytes()
    ]
    assert holding == []


def test_an_erasure_during_a_flush_is_rewritten_after_its_own_flush(tmp_path: Path) -> None:
    """A rewrite that began before would leave the person in the files."""
    local = open_local(tmp_path)
    task, _ = start(local)
    count(local, task, answer("a", "c"))
    task.prepare_flush(NOW, 0)
    task.process(
        records([Event(CustomerErased(customer_id="c"), NOW, NOW, "erasure")], task.next_offset), NOW
    )
    local.commit(task, checkpoint_format.encode(task.checkpoint), task.next_offset)
    opened = local.opened[task]
    assert not opened.is_rewriting
    count(local, task)
    assert opened.is_rewriting
    local.stop()


def test_a_topic_that_still_has_an_erased_person_leaves_nothing_in_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is compacted it has the person's entities, and later their deletions."""
    monkeypatch.setattr(stored_entities, "ROWS", 1)
    origin = single(Feedback())
    rows = []
    for event in (
        answer("a", "customer-4711"),
        Event(CustomerErased(customer_id="customer-4711"), NOW, NOW, "x"),
    ):
        origin.process(records([event], origin.next_offset), NOW)
        rows += origin.prepare_flush(NOW, 0).state
    local = open_local(tmp_path)
    task = single(Feedback())
    local.open(task, OffsetRange(0, len(rows)))
    for key, raw in rows:
        task.restore_state(key, raw)
    task.finish_restore()
    database = local.opened[task].database
    database._db.flush()
    count(local, task)
    assert database._rewriting is not None
    database._rewriting.join()
    files = list(database.folder.glob("*.sst"))
    assert files
    assert [path for path in files if b"customer-4711" in path.read_bytes()] == []
    local.stop()


def test_a_rewrite_that_a_stop_interrupts_is_done_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint says that it is due."""
    monkeypatch.setattr(local_state, "REWRITE_INTERVAL", 1 << 60)
    local = open_local(tmp_path)
    task, _ = start(local)
    local.opened[task].rewritten_at = 0
    marker = count(local, task, Event(CustomerErased(customer_id="c"), NOW, NOW, "erasure"))
    local.stop()
    for _ in range(2):
        local = open_local(tmp_path)
        task, _ = start(local, marker, 9)
        assert local.opened[task].has_erased
        count(local, task)
        local.stop()


def test_rocksdb_is_imported_only_where_it_is_used() -> None:
    """A worker without the setting needs neither the package nor its memory."""
    code = (
        "import json, sys; import stream.worker.service, stream.worker.state_dir\n"
        "print(json.dumps([m for m in sys.modules if 'rocks' in m or m.startswith('stream.worker.disk.')]))"
    )
    result: Any = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    )
    assert result == []
