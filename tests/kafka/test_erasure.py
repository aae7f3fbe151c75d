"""After 100 erasures no ID or text of the customers is on the broker's disk, in logs or in the exposition."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from schemas.customers import CustomerErased
from schemas.publish import Publisher
from schemas.times import from_ms
from schemas.topics import DOMAINS
from stream.core.aggregation.erasure import fingerprint
from stream.devbroker.kafka import Broker
from stream.kafka.admin import create
from stream.kafka.topics import TopicSpec, topics
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, envelope
from tests.support import DAY, HOUR

pytestmark = pytest.mark.kafka

CUSTOMER_ID, COMMENT = "canary-5318008", "zinnober"
"""The ID of the first customer, which all other IDs begin with, and the text of the comments."""
CUSTOMER_IDS = (CUSTOMER_ID, *(f"{CUSTOMER_ID}-c{n}" for n in range(99)))
TRACES = (CUSTOMER_ID.encode(), COMMENT.encode())
BROKER = {
    "log.initial.task.delay.ms": 100,
    "log.retention.check.interval.ms": 200,
    "log.cleaner.backoff.ms": 100,
}
FAST_COMPACTION = {
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "100",
    "file.delete.delay.ms": "0",
}


def with_fast_retention(spec: TopicSpec) -> TopicSpec:
    """Return a topic that compacts and deletes within seconds instead of hours or days."""
    if spec.role == "input":
        return spec
    return spec._replace(
        configs=spec.configs
        | (FAST_COMPACTION if spec.role in ("compacted", "comments") else {"file.delete.delay.ms": "0"})
    )


class CustomerEvents:
    """Every event about a customer, as records of each topic."""

    def __init__(self, customer_id: str, now: int, comment: str) -> None:
        self.customer_id, self.now, self.comment = customer_id, now, comment
        self._n = 0

    def _event(
        self, kind: str, at: int, key: str | None = "", event: str = "", **data: Any
    ) -> PublishedRecord:
        self._n += 1
        raw = None if key is None else (key or self.customer_id).encode()
        name: Any = event or f"{self.customer_id}-{self._n}"
        return PublishedRecord(raw, envelope(f"cx.{kind}.v1", at, name, data), at, None)  # type: ignore[arg-type]

    def valid_events(self, domain: str) -> list[PublishedRecord]:
        """Return the valid events of a domain."""
        return list(getattr(self, f"_{domain}")())

    def _feedback(self) -> Iterator[PublishedRecord]:
        fields = {
            "feedback_id": f"{self.customer_id}-answer",
            "customer_id": self.customer_id,
            "survey": "nps",
            "channel": "web",
        }
        yield self._event("feedback.offered", self.now - HOUR, **fields)
        yield self._event(
            "feedback.submitted", self.now - HOUR, **fields, score=3, comment=self.comment, reasons=["slow"]
        )
        yield self._event("feedback.submitted", self.now, **fields, score=9, comment=self.comment, revision=1)
        other_fields = fields | {"feedback_id": f"{self.customer_id}-gone", "survey": "exit"}
        yield self._event(
            "feedback.submitted",
            self.now,
            **other_fields,
            score=None,
            reasons=["price"],
            comment=self.comment,
        )
        yield self._event(
            "feedback.deleted", self.now, feedback_id=f"{self.customer_id}-gone", customer_id=self.customer_id
        )

    def _tickets(self) -> Iterator[PublishedRecord]:
        for name, last in (("open", "open"), ("done", "solved"), ("again", "solved")):
            fields = {"ticket_id": f"{self.customer_id}-{name}", "customer_id": self.customer_id}
            message = fields | {"message_id": f"{self.customer_id}-{name}-m"}
            yield self._event("ticket.created", self.now - 2 * HOUR, **fields, topic="pay", channel="web")
            yield self._event("ticket.message", self.now - HOUR, **message, author="agent", text=self.comment)
            yield self._event("ticket.status", self.now, **fields, status=last)
        call = {
            "interaction_id": f"{self.customer_id}-call",
            "customer_id": self.customer_id,
            "talk_s": 1,
            "hold_s": 1,
            "wrap_s": 1,
        }
        yield self._event("interaction.handled", self.now, **call)
        # the ticket's partition may be another one than that of the customer's ID
        anonymous = {"key": "t-of-nobody", "event": "of-nobody", "ticket_id": "t-of-nobody"}
        yield self._event("ticket.created", self.now, **anonymous, customer_id=self.customer_id)

    def _customers(self) -> Iterator[PublishedRecord]:
        fields = {"customer_id": self.customer_id}
        yield self._event("customer.activated", self.now - 40 * DAY, **fields, plan="gold", channel="web")
        yield self._event(
            "customer.churned", self.now - 2 * DAY, **fields, reason="price", comment=self.comment
        )
        yield self._event("customer.activated", self.now - DAY, **fields, plan="gold", channel="web")
        order = {"order_id": f"{self.customer_id}-order", "amount_minor": 100, "currency": "EUR"}
        yield self._event("purchase.completed", self.now, **fields, **order)
        yield self._event(
            "purchase.refunded", self.now, **fields, **order, refund_id=f"{self.customer_id}-refund"
        )
        referral = {"referral_id": f"{self.customer_id}-referral", "referee_id": "friend"}
        yield self._event("referral.sent", self.now, **fields, **referral)
        yield self._event("referral.converted", self.now, **fields, **referral)
        referred = {"referral_id": "of-friend", "customer_id": "friend", "referee_id": self.customer_id}
        yield self._event("referral.converted", self.now, key="friend", **referred)
        yield self._event(
            "customer.cancel_scheduled", self.now, **fields, effective_at="2031-01-01T00:00:00Z"
        )

    def invalid_events(self) -> Iterator[PublishedRecord]:
        """Yield records that become dead letters, of every kind."""
        fields = {
            "feedback_id": f"{self.customer_id}-bad",
            "customer_id": self.customer_id,
            "survey": "nps",
            "comment": self.comment,
        }
        yield self._event("feedback.submitted", self.now, **fields, score="9")
        yield self._event("feedback.submitted", self.now, key=None, **fields, score=7.5)
        yield self._event("feedback.submitted", self.now, key="another", **fields, score=99)
        yield self._event("feedback.submitted", self.now + 2 * HOUR, **fields, score=9)
        yield self._event("feedback.submitted", self.now - 60 * DAY, **fields, score=9)
        yield self._event("feedback.unheard", self.now, **fields)
        yield self._event(
            "feedback.submitted", self.now, **(fields | {"comment": self.comment * 40_000}), score=9
        )
        yield PublishedRecord(
            b"another",
            f'{{"customer_id": "{self.customer_id}", "comment": "{self.comment}'.encode(),
            self.now,
            None,
        )


def find_traces(folder: Path, cluster: ChaosCluster) -> list[str]:
    """Return the files of our topics and logs that contain a trace of the customers, with the trace."""
    names = cluster.settings.topics
    topic_names = [names.deadletter, names.comments, *map(names.state, DOMAINS), *map(names.panes, DOMAINS)]
    files = [file for name in topic_names for file in folder.glob(f"data/{name}-*/*")]
    matches = []
    for file in [*files, *cluster.folder.glob("*.log")]:
        try:
            raw = file.read_bytes()
        except FileNotFoundError:  # deleted meanwhile, as expected
            continue
        matches += [f"{trace.decode()} in {file.parent.name}/{file.name}" for trace in TRACES if trace in raw]
    return matches


def cxgauge(cluster: ChaosCluster, *arguments: str) -> str:
    command = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(
        command, env={**os.environ, **cluster.env}, check=True, capture_output=True, text=True
    ).stdout


def commented(folder: Path, cluster: ChaosCluster) -> int:
    """Return the number of the customers whose answer is in the topic of comments."""
    files = folder.glob(f"data/{cluster.settings.topics.comments}-*/*.log")
    raw = b"".join(file.read_bytes() for file in files)
    return sum(f"{customer_id}-answer".encode() in raw for customer_id in CUSTOMER_IDS)


async def publish_erasures(cluster: ChaosCluster, at: int) -> None:
    names = {domain: cluster.settings.topics.input(domain) for domain in DOMAINS}
    async with Publisher(cluster.settings.kafka.bootstrap_servers, topics=names) as publisher:
        for customer_id in CUSTOMER_IDS:
            await publisher.send(CustomerErased(customer_id=customer_id), time=from_ms(at))


def test_no_trace_of_erased_customers_is_left(tmp_path: Path) -> None:
    """After erasure, purge and compaction. Finished counts stay, and late events from before are dropped."""
    now = int(time.time() * 1000)
    broker_folder, logs = tmp_path / "broker", tmp_path / "logs"
    logs.mkdir()
    with Broker(folder=broker_folder, properties=BROKER) as broker:
        env = {"CXGAUGE_TOPICS_PARTITIONS": "2", "CXGAUGE_COMMENTS_KEEP": "true"}
        cluster = ChaosCluster(broker.bootstrap, logs, **env)
        asyncio.run(
            create(cluster.settings, [with_fast_retention(spec) for spec in topics(cluster.settings)])
        )
        with cluster:
            cluster.start()
            exporter = cluster.start("exporter")
            customers = [CustomerEvents(customer_id, now, COMMENT) for customer_id in CUSTOMER_IDS]

            def valid_events(domain: str) -> list[PublishedRecord]:
                return [record for customer in customers for record in customer.valid_events(domain)]

            for domain in DOMAINS:
                cluster.publish(valid_events(domain), topic=domain, partitioner="consistent")
            cluster.publish(customers[0].invalid_events())
            for domain in DOMAINS:
                assert cluster.wait_until_counted(domain), cluster.logs()
            assert len(cluster.dead_letters()) == 8
            for topic in ("deadletter", "state.feedback", "state.tickets", "state.customers", "comments"):
                assert any(
                    CUSTOMER_ID in line and topic in line for line in find_traces(broker_folder, cluster)
                ), topic
            assert any(
                COMMENT in line and f"{cluster.settings.topics.comments}-" in line
                for line in find_traces(broker_folder, cluster)
            )
            assert commented(broker_folder, cluster) == 100
            answers = 'cx_nps_responses{view="total",window="7d",category="promoter"}'
            wait(lambda: cluster.samples(exporter).get(answers) == 100, cluster.logs)

            asyncio.run(publish_erasures(cluster, now + 1))
            for domain in DOMAINS:
                cluster.publish(valid_events(domain), topic=domain)  # of before, read later
                assert cluster.wait_until_counted(domain), cluster.logs()
            assert cxgauge(cluster, "deadletter", "purge", CUSTOMER_ID).startswith("8 removed")

            numbers = count()

            def no_traces_left() -> bool:
                """Return True if all traces are gone.

                Other customers' events are published, because compaction needs new records.
                """
                for domain in DOMAINS:
                    new = [
                        CustomerEvents(f"other-{next(numbers)}", int(time.time() * 1000), "")
                        for _ in range(8)
                    ]
                    cluster.publish(
                        [
                            record
                            for customer_events in new
                            for record in customer_events.valid_events(domain)
                        ],
                        topic=domain,
                    )
                return not find_traces(broker_folder, cluster)

            wait(no_traces_left, lambda: find_traces(broker_folder, cluster), timeout=120)
            for domain in DOMAINS:
                assert cluster.wait_until_counted(domain), cluster.logs()
            exposition = cluster.get(exporter, "/metrics") or ""
            assert answers in exposition
            assert not any(trace.decode() in exposition for trace in TRACES)
            outcomes = {
                domain: sum(m.outcomes.get("erased", 0) for m in cluster.checkpoints(domain).values())
                for domain in DOMAINS
            }
            assert all(outcomes.values()), outcomes
            erasure_keys = [
                key for p in cluster.partitions().values() for key in p.store.entities if key.startswith(b"e")
            ]
            # on both partitions of feedback and of tickets, and on the customer's own
            expected = [fingerprint(customer_id.encode()) for customer_id in CUSTOMER_IDS] * 5
            assert sorted(erasure_keys) == sorted(expected)
            assert cluster.audit() == []
            assert find_traces(broker_folder, cluster) == []
