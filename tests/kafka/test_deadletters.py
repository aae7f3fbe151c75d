"""Dead letters of real workers: put back they are judged by their first timestamps, and purged while letters come in."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.chaos.feed import Sent, envelope, load
from tests.chaos.rig import ChaosCluster, wait
from tests.support import HOUR, partition_of_key

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: str, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(kafka, tmp_path) as made:
        made.start()
        yield made


def cxgauge(rig: ChaosCluster, *arguments: str) -> str:
    command = [sys.executable, "-m", "stream.cli", "deadletter", *arguments]
    return subprocess.run(
        command, env={**os.environ, **rig.env}, check=True, capture_output=True, text=True
    ).stdout


def outcomes(rig: ChaosCluster) -> dict[str, int]:
    found: dict[str, int] = {}
    for checkpoint in rig.markers("feedback").values():
        for outcome, n in checkpoint.outcomes.items():
            found[outcome] = found.get(outcome, 0) + n
    return found


def answer(who: str, at: int) -> bytes:
    data = {"feedback_id": f"f-{who}", "customer_id": who, "survey": "nps", "score": 9}
    return envelope("cx.feedback.submitted.v1", at, 1, data)


def test_what_is_put_back_is_counted_once(rig: ChaosCluster) -> None:
    """An event ahead of its record with --rejudge; one forwarded to the wrong place goes to its own."""
    now = int(time.time() * 1000)
    producer = Producer({"bootstrap.servers": rig.settings.kafka.bootstrap_servers})
    feedback, elsewhere = rig.settings.topics.feedback, (partition_of_key("lost", 4) + 1) % 4
    producer.produce(
        feedback,
        answer("early", now - HOUR),
        b"early",
        partition_of_key("early", 4),
        timestamp=now - 3 * HOUR,
    )
    forwarded = [("cx_forwarded", b"1"), ("cx_timestamp", b"%d" % (now - HOUR))]
    producer.produce(feedback, answer("lost", now - HOUR), b"lost", elsewhere, headers=forwarded)
    producer.flush()
    assert rig.settled(), rig.logs()
    assert outcomes(rig) == {"future": 1, "invalid": 1}
    assert (
        cxgauge(rig, "replay")
        == "1 replayed\n1 not replayed: future or late; --rejudge replays them as of now\n"
    )
    assert rig.settled(), rig.logs()
    assert cxgauge(rig, "replay", "--reason", "future", "--rejudge") == "1 replayed\n"
    assert rig.settled(), rig.logs()
    assert outcomes(rig) == {"future": 1, "invalid": 1, "accepted": 2}
    cxgauge(rig, "replay", "--rejudge")
    assert rig.settled(), rig.logs()
    assert outcomes(rig) == {"future": 1, "invalid": 1, "accepted": 2, "duplicate": 2}
    assert len(rig.dead()) == 2


def test_a_purge_while_letters_come_in(rig: ChaosCluster) -> None:
    """Whatever a worker appends meanwhile stays: nothing is lost but the person's."""
    now = int(time.time() * 1000)
    theirs = [Sent(b"gone", b'{"id": %d, "customer_id": "gone"}' % n, now, None) for n in range(50)]
    rig.publish(
        [*load(1_000, now=now, seed=1, junk=0.5), *theirs, *load(500, now=now, seed=2, junk=0.5, name="b")]
    )
    assert rig.settled(), rig.logs()
    before = [(letter.key, letter.value, letter.timestamp) for letter in rig.dead()]
    command = [sys.executable, "-m", "stream.cli", "deadletter", "purge", "gone"]
    with subprocess.Popen(command, env={**os.environ, **rig.env}, stdout=subprocess.PIPE, text=True) as purge:
        more = 0
        while purge.poll() is None:
            stamp = datetime.now(UTC).isoformat()
            rig.publish([Sent(b"late-%d" % more, json.dumps({"id": more, "at": stamp}).encode(), now, None)])
            more += 1
        assert purge.stdout is not None
        assert purge.stdout.read().startswith("50 removed, ")
    assert rig.settled(), rig.logs()

    def all_there() -> bool:
        """Copies and late letters, each once."""
        letters = [(letter.key, letter.value, letter.timestamp) for letter in rig.dead()]
        others = sorted(one for one in before if one[0] != b"gone")
        late = [one for one in letters if one[0] is not None and one[0].startswith(b"late-")]
        return sorted(one for one in letters if one not in late) == others and len(late) == more > 0

    wait(all_there, lambda: f"{len(rig.dead())} letters, {len(before)} before, {more} late\n{rig.logs()}")
