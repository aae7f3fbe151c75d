"""Answers, tickets and customers through Apache Kafka, with kills, joins and stops of workers, compared with one process."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from schemas.keys import owner_of
from schemas.topics import DERIVED
from stream.core.aggregation.audit import pane_differences
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord
from tests.core.aggregation import histories
from tests.core.aggregation.simulator import once
from tests.support import Event, FakeRecord, partition_of_key

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

EVENTS, RATE, CUSTOMERS = 15_000, 1_000, 1_000
DOMAINS = {"feedback": histories.answers, "tickets": histories.tickets, "customers": histories.customers}
STAGES = 3
DERIVED_TYPES = [kind.TYPE.encode() for kind in DERIVED]
FROM_WORKERS = b'"source":"/cxgauge/'


def test_counts_are_exact_with_kills_a_join_and_a_leave(kafka: str, tmp_path: Path) -> None:
    """45,000 events in three stages, with SIGKILL in the first two and a leaving worker in the third."""
    random, pause = Random(11), threading.Event()
    now = int(time.time() * 1000)
    sent = {domain: list(generate(random, EVENTS, CUSTOMERS, now)) for domain, generate in DOMAINS.items()}
    with (
        ChaosCluster(kafka, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as cluster,
        ThreadPoolExecutor(4) as pool,
    ):
        for stage in range(STAGES):
            workers = [cluster.start() for _ in range(2 if stage == STAGES - 1 else 1)]
            wait(lambda workers=workers: all(map(cluster.ready, workers)), cluster.logs)
            publishing = [
                pool.submit(cluster.publish, records, rate=RATE, partitioner=partitioner, topic=domain)
                for domain, events in sent.items()
                for partitioner, records in split_by_partitioner(random, events[stage::STAGES]).items()
            ]
            pause.wait(random.uniform(2, 4))
            assert not all(future.done() for future in publishing)
            if stage < STAGES - 1:
                workers[-1].kill()
            else:
                workers[-1].terminate()
            wait(lambda last=workers[-1]: last.poll() is not None, cluster.logs)
            cluster.reap()
            for future in publishing:
                future.result()
        for domain, events in sent.items():
            assert cluster.wait_until_counted(domain), cluster.logs()
            check_state(cluster, domain, events)
        cluster.reap()
        assert cluster.exits == {-signal.SIGKILL: 2, 0: 1}, cluster.logs()


def split_by_partitioner(random: Random, events: Iterable[Event]) -> dict[str, list[PublishedRecord]]:
    """Split records by partitioner. The default one of librdkafka, which hashes otherwise, gets 2 %."""
    parts: dict[str, list[PublishedRecord]] = {"murmur2_random": [], "consistent_random": []}
    for event in events:
        event_fields = {"type": event.data.TYPE}
        sent = PublishedRecord(owner_of(event.data).encode(), event.value(), event.at, event_fields)
        parts["consistent_random" if random.random() < 0.02 else "murmur2_random"].append(sent)
    return parts


def check_state(cluster: ChaosCluster, domain: str, sent: list[Event]) -> None:
    """Compare panes block by block, outcomes, and the audit. Summaries of answers and tickets are records of customers, too."""
    counts, records = cluster.input_records(domain)
    written = [record for record in records if "cx_forwarded" not in dict(record.headers)]
    published = [record for record in written if FROM_WORKERS not in record.value]
    assert Counter(record.value for record in published) == Counter(event.value() for event in sent)
    assert cluster.dead_letters() == []
    partitions = [task for (name, _), task in cluster.partitions().items() if name == domain]
    for partition in partitions:
        own_records = [
            r
            for r in written
            if partition_of_key(r.key.decode(), partition.partition_count) == partition.number
        ]
        batch = [
            FakeRecord(n, record.timestamp, record.key, record.value) for n, record in enumerate(own_records)
        ]
        expected = once(partition, batch, max(record.timestamp for record in batch))
        assert partition.panes.blocks == expected.panes.blocks
        derived_count = sum(any(kind in r.value for kind in DERIVED_TYPES) for r in own_records)
        assert partition.outcome_counts["accepted"] == len(own_records) - derived_count
        assert partition.outcome_counts["derived"] >= derived_count
        assert (derived_count > 0) == (domain == "customers")
        assert list(pane_differences(partition)) == []
        assert sum(partition.outcome_counts.values()) == counts[partition.number]
    assert sum(partition.outcome_counts["misrouted"] for partition in partitions) > 0
