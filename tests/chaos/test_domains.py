"""Tickets and customers through Apache Kafka while workers are killed, joined and stopped: as one process would count."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from schemas.keys import default_record_key
from stream.core.aggregation.audit import pane_differences
from tests.chaos.feed import Sent
from tests.chaos.rig import ChaosCluster, wait
from tests.core.aggregation import histories
from tests.core.aggregation.simulator import once
from tests.support import Event, FakeRecord, partition_of_key

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

EVENTS, RATE, PEOPLE = 15_000, 1_000, 1_000
DOMAINS = {"tickets": histories.tickets, "customers": histories.customers}
STAGES = 3


def test_kills_a_join_and_a_leave(kafka: str, tmp_path: Path) -> None:
    """30,000 events in three stages: SIGKILL in the first and second, in the third a second worker leaves."""
    random, pause = Random(11), threading.Event()
    now = int(time.time() * 1000)
    sent = {domain: list(made(random, EVENTS, PEOPLE, now)) for domain, made in DOMAINS.items()}
    with (
        ChaosCluster(kafka, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as rig,
        ThreadPoolExecutor(4) as pool,
    ):
        for stage in range(STAGES):
            workers = [rig.start() for _ in range(2 if stage == STAGES - 1 else 1)]
            wait(lambda workers=workers: all(map(rig.ready, workers)), rig.logs)
            writing = [
                pool.submit(rig.publish, part, rate=RATE, partitioner=partitioner, topic=domain)
                for domain, events in sent.items()
                for partitioner, part in _split(random, events[stage::STAGES]).items()
            ]
            pause.wait(random.uniform(2, 4))
            assert not all(one.done() for one in writing)
            if stage < STAGES - 1:
                workers[-1].kill()
            else:
                workers[-1].terminate()
            wait(lambda last=workers[-1]: last.poll() is not None, rig.logs)
            rig.reap()
            for one in writing:
                one.result()
        for domain, events in sent.items():
            assert rig.settled(domain), rig.logs()
            _check(rig, domain, events)
        rig.reap()
        assert rig.exits == {-signal.SIGKILL: 2, 0: 1}, rig.logs()


def _split(random: Random, events: Iterable[Event]) -> dict[str, list[Sent]]:
    """Records by partitioner: librdkafka's own one, which hashes otherwise, for 2 % of them."""
    parts: dict[str, list[Sent]] = {"murmur2_random": [], "consistent_random": []}
    for event in events:
        what = {"type": event.data.TYPE}
        sent = Sent(default_record_key(event.data).encode(), event.value(), event.at, what)
        parts["consistent_random" if random.random() < 0.02 else "murmur2_random"].append(sent)
    return parts


def _check(rig: ChaosCluster, domain: str, sent: list[Event]) -> None:
    """Panes block by block, outcomes, audit."""
    counts, records = rig.source(domain)
    written = [record for record in records if "cx_forwarded" not in dict(record.headers)]
    assert Counter(record.value for record in written) == Counter(event.value() for event in sent)
    assert rig.dead() == []
    partitions = [one for (name, _), one in rig.partitions().items() if name == domain]
    for partition in partitions:
        mine = [
            r
            for r in written
            if partition_of_key(r.key.decode(), partition.partition_count) == partition.number
        ]
        read = [FakeRecord(n, record.timestamp, record.key, record.value) for n, record in enumerate(mine)]
        straight = once(partition, read, max(record.timestamp for record in read))
        assert partition.panes.blocks == straight.panes.blocks
        assert partition.outcome_counts["accepted"] == len(mine)
        assert list(pane_differences(partition)) == []
        assert sum(partition.outcome_counts.values()) == counts[partition.number]
    assert sum(partition.outcome_counts["misrouted"] for partition in partitions) > 0
