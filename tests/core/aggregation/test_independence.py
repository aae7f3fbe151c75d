"""Series do not depend on keys, partitions, batches, or the order in which records and topics are read."""

import json
from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.tickets import TicketSummarized
from tests.core.aggregation import histories
from tests.core.aggregation.pipeline import Pipeline, Series
from tests.core.aggregation.test_batches import answers
from tests.support import DAY, NOW, Event


def generated(random: Random) -> Iterator[Event]:
    """Yield events of all three domains, about the same customers and tickets."""
    yield from answers(random, 60, 5, NOW)
    yield from joined_answers(random, 60, 5, NOW)
    yield from histories.tickets(random, 80, 5, NOW)
    yield from histories.customers(random, 60, 5, NOW)
    for event in histories.customers(random, 80, 5, NOW):
        if not isinstance(event.data, TicketSummarized):
            name = f"p{event.data.customer_id[1:]}"
            yield event._replace(data=replace(event.data, customer_id=name), id=f"p-{event.id}")


def joined_answers(random: Random, n: int, people: int, now: int) -> Iterator[Event]:
    """Yield `n` answers and deletions of customers, many about their tickets, at times of few milliseconds."""
    for i in range(n):
        number = random.randrange(n // 2)
        person = f"p{random.randrange(people)}"
        ids = {
            "feedback_id": f"j{number}",
            "customer_id": random.choice([f"p{number % people}", person, None]),
        }
        at = now - random.randrange(20) * DAY - random.randrange(3)
        if random.random() < 0.1:
            yield Event(FeedbackDeleted(**ids), at, now, f"j{i}")
            continue
        survey, scores = (("nps", (2, 8, 9)), ("csat", (2, 5)), ("exit", (None, 3)))[number % 3]
        data = FeedbackSubmitted(
            survey=survey,
            score=random.choice([*scores, None]),
            revision=random.choice([0, 0, 1]),
            reasons=random.choice([(), ("price",), ("price", "slow")]),
            ticket_id=random.choice([None, f"{person} {random.randrange(3)}"]),
            **ids,
        )
        yield Event(data, at, now, f"j{i}")


def series_of(events: list[Event], seed: int, partitions: int) -> Series:
    """Return the series of events in random order, with keys and partitions at random."""
    random = Random(seed)
    pipeline = Pipeline(partitions)
    for event in random.sample(events, len(events)):
        key = random.choice([None, event.id, "c"])
        partition = random.randrange(partitions)
        pipeline.publish(json.loads(event.value()), NOW, key=key, partition=partition)
    pipeline.run(random)
    return pipeline.series(NOW)


@pytest.mark.parametrize("seed", range(12))
def test_any_order_on_any_partitions_gives_the_same_series(seed: int) -> None:
    """Compared with one partition. Of two different offers of one survey the first read counts, so each has one."""
    generated_events = list(generated(Random(seed)))
    offers = {
        event.data.feedback_id: event for event in generated_events if isinstance(event.data, FeedbackOffered)
    }
    events = [event for event in generated_events if not isinstance(event.data, FeedbackOffered)]
    events += offers.values()
    expected = series_of(events, seed, 1)
    assert len(expected) > 60
    for partitions in (2, 5):
        assert series_of(events, seed + partitions, partitions) == expected
