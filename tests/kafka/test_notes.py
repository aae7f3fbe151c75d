"""Notes through Apache Kafka: published by the command, shown once, edited and deleted over the end of a worker."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, envelope

pytestmark = pytest.mark.kafka

NAME = "cx_note_timestamp_seconds"


def line(at: int, number: int, type_: str = "cx.note.v1", **data: Any) -> str:
    """Return an event as a line for `cxgauge publish`."""
    moment = datetime.fromtimestamp(at / 1000, UTC).isoformat()
    return json.dumps({"id": str(number), "type": type_, "time": moment, "data": data})


def publish(cluster: ChaosCluster, *lines: str) -> None:
    file = cluster.folder / "notes.jsonl"
    file.write_text("\n".join(lines))
    result = cluster.run("publish", str(file))
    assert result.returncode == 0, result.stderr


def shows(cluster: ChaosCluster, exporter: Any, *series: str) -> Callable[[], bool]:
    """Return a condition that these series of notes are served, and no others."""

    def condition() -> bool:
        samples = cluster.samples(exporter)
        return {name for name in samples if name.startswith(NAME)} == {f"{NAME}{{{text}}}" for text in series}

    return condition


def test_notes_are_shown_once_and_outlive_a_worker(kafka: str, tmp_path: Path) -> None:
    """Records of other keys are forwarded. A replica started later shows the same, and the panes pass the audit."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker, exporter = cluster.start(), cluster.start("exporter")
        now = int(time.time() * 1000)
        notes = [
            line(now - 1_000 * n, n, note_id=f"n{n}", text=f"Release {n}", channel="app") for n in range(8)
        ]
        publish(cluster, *notes, *notes)
        misrouted = envelope("cx.note.v1", now, 9, {"note_id": "other", "text": "By another key"})
        cluster.publish([PublishedRecord(b"%d" % n, misrouted, now, None) for n in range(4)])
        shown = [f'note_id="n{n}",text="Release {n}",channel="app"' for n in range(8)]
        other = 'note_id="other",text="By another key"'
        wait(shows(cluster, exporter, *shown, other), cluster.logs)
        worker.kill()
        worker.wait()
        publish(
            cluster,
            line(now + 1, 20, note_id="n0", text="Release 0.1"),
            line(now, 21, "cx.note.deleted.v1", note_id="n1"),
        )
        cluster.start()
        replica = cluster.start("exporter")
        edited = 'note_id="n0",text="Release 0.1"'
        for process in (exporter, replica):
            wait(shows(cluster, process, edited, *shown[2:], other), cluster.logs)
        assert cluster.samples(replica)[f"{NAME}{{{edited}}}"] == (now + 1) / 1000
        audit = cluster.run("doctor", "audit")
        assert audit.stdout.endswith("0 faults\n"), audit
