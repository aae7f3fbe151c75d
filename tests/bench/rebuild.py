"""Memory of a rebuild under other settings with entities on local disk: `python -m tests.bench.rebuild [answers]`.

A process writes the state topic of answers with random IDs to a file. Two others read a quarter of it and all of it into an empty
database, and rebuild under another order of labels, which changes every answer. Kafka is not used.
"""

import gc
import hashlib
import json
import marshal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.rebuild import rebuild
from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.aggregation_config import AggregationConfig
from stream.kafka.reading import OffsetRange
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from stream.worker.memory import resident
from tests.support import DAY, MINUTE, NOW, Event, aggregation_config, records, single

FLUSH = 20_000
MB = 1_000_000


def labelled(*labels: str) -> AggregationConfig:
    """Return settings with these labels."""
    views = {"total": (), "by": ("brand", "region")}
    return aggregation_config(labels=labels, views=views, config_hash="-".join(labels))


def answers(start: int, end: int) -> Iterator[Event]:
    """Yield answers with random IDs of 70 cells and 3,000 minutes."""
    for i in range(start, end):
        data = FeedbackSubmitted(
            feedback_id=hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest(),
            survey="nps",
            score=i % 11,
            labels={"brand": f"b{i % 10}", "region": f"r{i % 7}"},
        )
        yield Event(data, NOW - i % 3_000 * MINUTE, NOW)


def write_topic(n: int, topic: Path) -> None:
    """Write the entities of `n` answers to a file, and the checkpoint to another."""
    task = single(Feedback(), labelled("brand", "region"))
    with topic.open("wb") as file:
        for start in range(0, n, FLUSH):
            task.process(records(answers(start, min(n, start + FLUSH)), task.next_offset), NOW)
            flush = task.prepare_flush(NOW, 0)
            for row in flush.state:
                marshal.dump(row, file)
            task.store.entities.clear()  # type: ignore[attr-defined]  # they are in memory
    topic.with_suffix(".checkpoint").write_bytes(checkpoint_format.encode(flush.checkpoint))


def measure(n: int, topic: Path) -> None:
    """Rebuild the first `n` entities and print memory and CPU."""
    task = single(Feedback(), labelled("region", "brand"))
    with tempfile.TemporaryDirectory() as folder, topic.open("rb") as file:
        local = LocalState(
            claim(Path(folder), ["bench"], None), {"feedback": TopicFacts(b"ids", DAY)}, lambda: NOW
        )
        task.restore_panes(checkpoint_format.KEY, topic.with_suffix(".checkpoint").read_bytes())
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 1_000, 1_000)
        figures, began = {"entities": n, "rss_at_start_mb": (resident() or 0) // MB}, time.process_time()
        local.open(task, OffsetRange(0, n))
        for _ in range(n):
            task.restore_state(*marshal.load(file))  # noqa: S302 - we wrote it
        read, changed = time.process_time(), 0
        for part in rebuild(task):
            changed += len(part.state)
        task.finish_restore()
        flush = task.prepare_flush(NOW, 0)
        local.commit(task, checkpoint_format.encode(flush.checkpoint), n)
        figures |= {
            "changed": changed + len(flush.state),
            "peak_rss_mb": peak() // MB,
            "read_us": round((read - began) / n * 1e6, 1),
            "rebuild_us": round((time.process_time() - read) / n * 1e6, 1),
        }
        print(json.dumps(figures), flush=True)
        local.stop()


def peak() -> int:
    """Return the most memory that the process has had, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def main() -> None:
    if len(sys.argv) > 2:
        step = {"write": write_topic, "measure": measure}[sys.argv[1]]
        step(int(sys.argv[2]), Path(sys.argv[3]))
        return
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for step, size in (("write", n), ("measure", n // 4), ("measure", n)):
            command = [sys.executable, "-m", "tests.bench.rebuild", step, str(size), f"{folder}/topic"]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
