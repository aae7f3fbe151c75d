"""What a rate of events needs, from what a sample of them takes in the core that will count them."""

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.codec import encode, make
from schemas.customers import PurchaseCompleted
from schemas.feedback import FeedbackSubmitted
from schemas.fields import Data
from schemas.keys import natural_key
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus
from stream.core.buckets import DAY
from stream.core.domain import Domain
from stream.core.domains import DOMAINS
from stream.core.letters import Header
from stream.core.partition import Partition
from stream.core.rules import Rules

SAMPLE = 1_000
"""Entities that are measured."""
WARM = 100
NOW = 1_800_000_000_000
RESTORED = 50_000
"""Records a second that a worker restores at least: the benchmark holds it to 100,000 in 2 s."""
MB = 1_000_000


class Need(NamedTuple):
    """What an event leaves behind: entities, bytes of memory, bytes of the state's topic; kept for `kept` ms."""

    what: str
    entities: float
    memory: float
    topic: float
    kept: int


@dataclass(slots=True)
class Sampled:
    """A record of the sample."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def report(rate: float, rules: Rules) -> str:
    """A table for `rate` events a second of each kind alone."""
    head = f"{rate:g} events a second need       entities   memory (MB)   state topic (MB)   start (s)"
    lines = [head]
    for need in needs(rules):
        events = rate * need.kept / 1000
        entities = events * need.entities
        lines.append(
            f"{need.what:28} {entities:12,.0f} {events * need.memory / MB:13,.0f}"
            f" {events * need.topic / MB:18,.0f} {entities / RESTORED:11,.0f}"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Measured on {SAMPLE:,} entities of each kind, all told, to be shared by the workers; the topic as compacted,",
            f"times replicas, and up to twice that between two compactions. Start: at {RESTORED:,} records a second.",
        ]
    )


def needs(rules: Rules) -> list[Need]:
    """Answers, tickets and orders, measured one after the other."""
    feedback, tickets, customers = DOMAINS
    return [
        _measure(f"answers, kept {rules.lateness // DAY} d", feedback, _answers(), rules, rules.lateness),
        _measure(f"ticket events, kept {rules.memory // DAY} d", tickets, _tickets(), rules, rules.memory),
        _measure(f"orders, kept {rules.memory // DAY} d", customers, _orders(), rules, rules.memory),
    ]


def _measure(what: str, domain: Domain, events: Iterator[Data], rules: Rules, kept: int) -> Need:
    records = [
        Sampled(
            n,
            NOW,
            natural_key(data).encode(),
            encode(make(data, id=f"e-{n:034}", source="/a/source", time=NOW + n)),
        )
        for n, data in enumerate(events)
    ]
    partition = Partition(domain, 0, 1, rules)
    partition.fold(records[:WARM], NOW)  # what there is once, however many events
    partition.take(NOW, 0)
    before = len(partition.book.entities)
    tracemalloc.start()
    partition.fold(records[WARM:], NOW)
    flush = partition.take(NOW, 0)
    topic = sum(len(key) + len(value or b"") for key, value in flush.state)
    del flush
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n = len(records) - WARM
    entities = len(partition.book.entities) - before
    return Need(what, entities / n, memory / n, topic / n, kept)


def _id(kind: str, n: int) -> str:
    """As long as a UUID."""
    return f"{kind}-{n:034}"


def _answers() -> Iterator[Data]:
    for n in range(SAMPLE):
        yield FeedbackSubmitted(
            feedback_id=_id("f", n),
            survey="nps",
            score=n % 11,
            customer_id=_id("c", n),
            channel="web",
            touchpoint="shop",
        )


def _tickets() -> Iterator[Data]:
    for n in range(SAMPLE):
        ticket, customer = _id("t", n), _id("c", n)
        yield TicketCreated(ticket_id=ticket, customer_id=customer, channel="chat", priority="normal")
        yield TicketMessage(ticket_id=ticket, customer_id=customer, message_id=_id("m", n), author="agent")
        yield TicketStatus(ticket_id=ticket, customer_id=customer, status="solved", by="agent")


def _orders() -> Iterator[Data]:
    for n in range(SAMPLE):
        yield PurchaseCompleted(
            order_id=_id("o", n), customer_id=_id("c", n % (SAMPLE // 10)), amount_minor=1_999, currency="EUR"
        )
