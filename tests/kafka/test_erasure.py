"""A person who is erased: nothing of ours holds an id or a text of theirs, on the broker's disk, in logs or on pages."""

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
from schemas.topics import DOMAINS
from stream.core.aggregation.erasure import fingerprint
from stream.devbroker.kafka import Broker
from stream.kafka.admin import create
from stream.kafka.topics import TopicSpec, topics
from tests.chaos.feed import Sent, envelope
from tests.chaos.rig import ChaosCluster, wait
from tests.support import DAY, HOUR

pytestmark = pytest.mark.kafka

WHO, TEXT = "canary-5318008", "zinnober"
"""The person's id, with which all other ids of theirs begin, and what stands in their comments."""
TRACES = (WHO.encode(), TEXT.encode())
BROKER = {
    "log.initial.task.delay.ms": 100,
    "log.retention.check.interval.ms": 200,
    "log.cleaner.backoff.ms": 100,
}
AT_ONCE = {
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "100",
    "file.delete.delay.ms": "0",
}


def quick(spec: TopicSpec) -> TopicSpec:
    """A topic of ours that does within a second what else takes hours or days."""
    if spec.role == "input":
        return spec
    return spec._replace(
        configs=spec.configs | (AT_ONCE if spec.role == "compacted" else {"file.delete.delay.ms": "0"})
    )


class Story:
    """Everything there is to say about somebody, as records of each topic."""

    def __init__(self, who: str, now: int, text: str) -> None:
        self.who, self.now, self.text = who, now, text
        self._n = 0

    def _event(self, kind: str, at: int, key: str | None = "", event: str = "", **data: Any) -> Sent:
        self._n += 1
        raw = None if key is None else (key or self.who).encode()
        name: Any = event or f"{self.who}-{self._n}"
        return Sent(raw, envelope(f"cx.{kind}.v1", at, name, data), at, None)  # type: ignore[arg-type]

    def of(self, domain: str) -> list[Sent]:
        """Good events of a domain."""
        return list(getattr(self, f"_{domain}")())

    def _feedback(self) -> Iterator[Sent]:
        one = {
            "feedback_id": f"{self.who}-answer",
            "customer_id": self.who,
            "survey": "nps",
            "channel": "web",
        }
        yield self._event("feedback.offered", self.now - HOUR, **one)
        yield self._event(
            "feedback.submitted", self.now - HOUR, **one, score=3, comment=self.text, reasons=["slow"]
        )
        yield self._event("feedback.submitted", self.now, **one, score=9, comment=self.text, revision=1)
        other = one | {"feedback_id": f"{self.who}-gone", "survey": "exit"}
        yield self._event(
            "feedback.submitted", self.now, **other, score=None, reasons=["price"], comment=self.text
        )
        yield self._event("feedback.deleted", self.now, feedback_id=f"{self.who}-gone", customer_id=self.who)

    def _tickets(self) -> Iterator[Sent]:
        for name, last in (("open", "open"), ("done", "solved"), ("again", "solved")):
            one = {"ticket_id": f"{self.who}-{name}", "customer_id": self.who}
            message = one | {"message_id": f"{self.who}-{name}-m"}
            yield self._event("ticket.created", self.now - 2 * HOUR, **one, topic="pay", channel="web")
            yield self._event("ticket.message", self.now - HOUR, **message, author="agent", text=self.text)
            yield self._event("ticket.status", self.now, **one, status=last)
        call = {
            "interaction_id": f"{self.who}-call",
            "customer_id": self.who,
            "talk_s": 1,
            "hold_s": 1,
            "wrap_s": 1,
        }
        yield self._event("interaction.handled", self.now, **call)
        # under the ticket's key: an erasure of the customer does not find it, so it must not say whose it is
        nobody = {"key": "t-of-nobody", "event": "of-nobody", "ticket_id": "t-of-nobody"}
        yield self._event("ticket.created", self.now, **nobody, customer_id=self.who)

    def _customers(self) -> Iterator[Sent]:
        one = {"customer_id": self.who}
        yield self._event("customer.activated", self.now - 40 * DAY, **one, plan="gold", channel="web")
        yield self._event("customer.churned", self.now - 2 * DAY, **one, reason="price", comment=self.text)
        yield self._event("customer.activated", self.now - DAY, **one, plan="gold", channel="web")
        order = {"order_id": f"{self.who}-order", "amount_minor": 100, "currency": "EUR"}
        yield self._event("purchase.completed", self.now, **one, **order)
        yield self._event("purchase.refunded", self.now, **one, **order, refund_id=f"{self.who}-refund")
        friend = {"referral_id": f"{self.who}-referral", "referee_id": "friend"}
        yield self._event("referral.sent", self.now, **one, **friend)
        yield self._event("referral.converted", self.now, **one, **friend)
        brought = {"referral_id": "of-friend", "customer_id": "friend", "referee_id": self.who}
        yield self._event("referral.converted", self.now, key="friend", **brought)
        yield self._event("customer.cancel_scheduled", self.now, **one, effective_at="2031-01-01T00:00:00Z")

    def unusable(self) -> Iterator[Sent]:
        """Records that become dead letters, of every kind."""
        one = {
            "feedback_id": f"{self.who}-bad",
            "customer_id": self.who,
            "survey": "nps",
            "comment": self.text,
        }
        yield self._event("feedback.submitted", self.now, **one, score="9")
        yield self._event("feedback.submitted", self.now, key=None, **one, score=7.5)
        yield self._event("feedback.submitted", self.now, key="another", **one, score=99)
        yield self._event("feedback.submitted", self.now + 2 * HOUR, **one, score=9)
        yield self._event("feedback.submitted", self.now - 60 * DAY, **one, score=9)
        yield self._event("feedback.unheard", self.now, **one)
        yield self._event("feedback.submitted", self.now, **(one | {"comment": self.text * 40_000}), score=9)
        yield Sent(
            b"another", f'{{"customer_id": "{self.who}", "comment": "{self.text}'.encode(), self.now, None
        )


def traces(folder: Path, rig: ChaosCluster) -> list[str]:
    """Files of our topics, and logs of ours, in which something of the person is; and which."""
    names = rig.settings.topics
    ours = [names.deadletter, *map(names.state, DOMAINS), *map(names.panes, DOMAINS)]
    files = [file for name in ours for file in folder.glob(f"data/{name}-*/*")]
    found = []
    for file in [*files, *rig.folder.glob("*.log")]:
        try:
            raw = file.read_bytes()
        except FileNotFoundError:  # deleted meanwhile, which is the point
            continue
        found += [f"{trace.decode()} in {file.parent.name}/{file.name}" for trace in TRACES if trace in raw]
    return found


def cxgauge(rig: ChaosCluster, *arguments: str) -> str:
    command = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(
        command, env={**os.environ, **rig.env}, check=True, capture_output=True, text=True
    ).stdout


async def _erase(rig: ChaosCluster, at: int) -> None:
    names = {domain: rig.settings.topics.input(domain) for domain in DOMAINS}
    async with Publisher(rig.settings.kafka.bootstrap_servers, topics=names) as publisher:
        await publisher.send(CustomerErased(customer_id=WHO), time=at)


def test_nothing_of_an_erased_person_is_left(tmp_path: Path) -> None:
    """After erasure, purge and compaction; their finished counts stay, and what comes later of before is dropped."""
    now = int(time.time() * 1000)
    home, logs = tmp_path / "broker", tmp_path / "logs"
    logs.mkdir()
    with Broker(folder=home, properties=BROKER) as broker:
        rig = ChaosCluster(broker.bootstrap, logs, CXGAUGE_TOPICS_PARTITIONS="2")
        asyncio.run(create(rig.settings, [quick(spec) for spec in topics(rig.settings)]))
        with rig:
            rig.start()
            exporter = rig.start("exporter")
            story = Story(WHO, now, TEXT)
            for domain in DOMAINS:
                rig.publish(story.of(domain), topic=domain, partitioner="consistent")
            rig.publish(story.unusable())
            for domain in DOMAINS:
                assert rig.settled(domain), rig.logs()
            assert len(rig.dead()) == 8
            for topic in ("deadletter", "state.feedback", "state.tickets", "state.customers"):
                assert any(WHO in line and topic in line for line in traces(home, rig)), topic
            answers = 'cx_nps_responses{view="total",window="7d",category="promoter"}'
            wait(lambda: rig.samples(exporter).get(answers) == 1, rig.logs)

            asyncio.run(_erase(rig, now + 1))
            for domain in DOMAINS:
                rig.publish(story.of(domain), topic=domain)  # of before, read later
                assert rig.settled(domain), rig.logs()
            assert cxgauge(rig, "deadletter", "purge", WHO).startswith("8 removed")

            others = count()

            def gone() -> bool:
                """Whether all of it is; others go on, as nothing is compacted of which nothing is new."""
                for domain in DOMAINS:
                    new = [Story(f"other-{next(others)}", int(time.time() * 1000), "") for _ in range(8)]
                    rig.publish([one for story in new for one in story.of(domain)], topic=domain)
                return not traces(home, rig)

            wait(gone, lambda: traces(home, rig), deadline=120)
            for domain in DOMAINS:
                assert rig.settled(domain), rig.logs()
            page = rig.get(exporter, "/metrics") or ""
            assert answers in page
            assert not any(trace.decode() in page for trace in TRACES)
            outcomes = {
                domain: sum(m.outcomes.get("erased", 0) for m in rig.markers(domain).values())
                for domain in DOMAINS
            }
            assert all(outcomes.values()), outcomes
            kept = [
                key for p in rig.partitions().values() for key in p.store.entities if key.startswith(b"e")
            ]
            assert kept == [fingerprint(WHO.encode())] * 3
            assert rig.audit() == []
            assert traces(home, rig) == []
