"""The fast path for new answers has the same results as the general path."""

import json
from random import Random
from typing import Any
from uuid import UUID

import pytest

from schemas.codec import Decoder, Undecodable, encode, make
from schemas.feedback import FeedbackSubmitted
from schemas.times import from_ms
from schemas.topics import FEEDBACK
from stream.core.aggregation import cardinality
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback import Feedback, fast_path
from tests.support import HOUR, NOW, aggregation_config

SCALES: dict[str, list[Any]] = {
    "nps": [None, (0, 10)],
    "csat": [None, (1, 5), (0, 100)],
    "ces": [None, (1, 7)],
    "exit": [None, (-3, 3)],
}


def answer(random: Random, i: int) -> FeedbackSubmitted:
    """Return a random answer. Some are repeated, dismissed, edited or premature, or have reasons."""
    unusual = random.random() < 0.2
    survey: Any = random.choice(list(SCALES))
    scale = random.choice(SCALES[survey])
    low, high = scale or ((0, 10) if survey == "nps" else (1, 5))
    return FeedbackSubmitted(
        feedback_id=f"r{random.randrange(i + 1) if unusual else i}",
        survey=survey,
        score=None if unusual and random.random() < 0.5 else random.randint(low, high),
        scale=scale,
        direction=random.choice([None, "ease", "effort"]) if survey == "ces" else None,
        revision=int(unusual and random.random() < 0.5),
        customer_id=random.choice([None, "p1", f"p{i % 40}"]),
        transaction_time=from_ms(NOW) if unusual and random.random() < 0.3 else None,
        reasons=("slow",) if unusual and random.random() < 0.3 else (),
        channel=random.choice([None, "web", "app", f"c{i}"]),
        team=random.choice([None, "billing"]),
        program=random.choice([None, "relation"]),
        labels=random.choice([None, {"brand": "acme"}, {"brand": " other ", "no": 1}]),
    )


def event_id(random: Random, i: int) -> str:
    """Return an ID that is a UUID in two of three cases, so that batches have both."""
    return str(UUID(int=random.getrandbits(128))) if random.random() < 2 / 3 else f"e{i}"


def contents(store: EntityStore) -> Any:
    """Return the contents of a store."""
    timers = {
        until: sorted(store.timer_keys(until)) for until in range(NOW - 10 * HOUR, NOW + 60 * 24 * HOUR, HOUR)
    }
    return (
        store.entities,
        store.deltas,
        store.derived,
        store.ignored_labels,
        timers,
        dict(store.changed_rows()),
    )


@pytest.mark.parametrize("seed", range(5))
def test_batches_equal_single_events(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entities, deltas, derived events and timers are equal, also with full caches and after a rebuild."""
    for name, limit in (
        ("MAX_CACHED_SCORES", 3),
        ("MAX_CACHED_SCALES", 2),
        ("MAX_CACHED_PROJECTIONS", 20),
        ("MAX_CACHED_RESPONDERS", 5),
    ):
        monkeypatch.setattr(fast_path, name, limit)
    monkeypatch.setattr(cardinality, "MAX_CODES", 1)
    random, config = Random(seed), aggregation_config(max_values=1)
    inputs = []
    for i in range(600):
        data, event_time = answer(random, i), NOW - random.randrange(5 * HOUR)
        event = make(data, id=event_id(random, i), source="/test", time=event_time)
        inputs.append((event, data.feedback_id.encode(), event_time, NOW + i, i, NOW + i, NOW + i))
    batched, single, domain = EntityStore(config), EntityStore(config), Feedback()
    fast = domain.fast_path(batched)
    decoder = Decoder(FEEDBACK, fast.unchecked_events)
    for i in range(0, 600, 50):
        checked, *rest = zip(*inputs[i : i + 50], strict=True)
        decoded = decoder.decode_all([encode(event) for event in checked])
        assert decoded is not None
        templates = fast.validate(decoded.events)
        assert templates is not None
        actual = fast.process(ValidatedBatch(decoded.events, *rest, templates))
        duplicates = set()
        for event, owner, at, *position in inputs[i : i + 50]:
            stamp, offset, watermark, newest = position
            single.move_to(offset, stamp, watermark, newest)
            if domain.process(single, event, at, owner) == "duplicate":
                duplicates.add(offset)
        assert actual == duplicates
        if i == 300:
            for store in (batched, single):
                store.cardinality.rebuild([], domain.open_codes)
                store.put(b"cp1", None, None)
    fast.apply_pending()
    for actual, expected in zip(contents(batched), contents(single), strict=True):
        assert actual == expected


FIELDS: dict[str, list[Any]] = {
    "survey": ["nps", "csat", "ces", "exit"],
    "score": [None, -1, 0, 1, 3, 5, 7, 10, 11, 100],
    "scale": [None, [0, 10], [1, 5], [1, 7], [5, 1], [0, 100]],
    "direction": [None, "ease"],
    "channel": [None, "web", " web ", "", " ", "x" * 64, "x" * 65],
    "touchpoint": [None, "checkout", "\u2003"],
    "team": [None, "billing"],
    "priority": [None, "low"],
    "program": [None, "relation", " relation ", "", " ", "x" * 65],
    "revision": [None, 0, 1],
    "reasons": [None, [], ["slow"], [" slow "], ["slow", ""]],
    "transaction_time": [None, "2026-01-01T00:00:00Z"],
    "labels": [None, {"brand": "acme"}, {"brand": 7}],
    "customer_id": [None, "p1"],
    "ticket_id": [None, "t1", "", "x" * 257],
    "comment": [None, "", " ", "slow", "x" * 1_000],
}
"""Valid and invalid values of the fields. The first is the most frequent in practice."""


def encoded_answer(random: Random, i: int) -> bytes:
    """Return an encoded answer with a few unusual fields, each valid or invalid."""
    data = {"feedback_id": f"r{random.randrange(i + 1) if random.random() < 0.1 else i}", "score": 5}
    data |= {name: random.choice(values) for name, values in FIELDS.items() if random.random() < 0.3}
    data.setdefault("survey", "nps")
    event = {"id": f"e{i}", "time": "2026-09-21T12:00:00Z", "type": FeedbackSubmitted.TYPE, "data": data}
    return json.dumps(event | {"specversion": "1.0", "source": "/test"}).encode()


@pytest.mark.parametrize("seed", range(3))
def test_an_unchecked_answer_is_valid_in_a_batch_when_it_is_valid_alone(seed: int) -> None:
    """The fast path refuses, trims and stores an answer like the general path, whatever it has cached."""
    random, config, domain = Random(seed), aggregation_config(), Feedback()
    batched, single = EntityStore(config), EntityStore(config)
    fast = domain.fast_path(batched)
    decoder = Decoder(FEEDBACK, fast.unchecked_events)
    valid_count = 0
    for i in range(3_000):
        value, stamp = encoded_answer(random, i), NOW + i
        decoded = decoder.decode_all([value])
        templates = None if decoded is None else fast.validate(decoded.events)
        try:
            event = decoder.decode(value, ())
        except Undecodable:
            assert templates is None
            continue
        assert decoded is not None
        assert templates is not None
        valid_count += 1
        owners = domain.owners(decoded.events)
        times = [NOW], [stamp], [i], [stamp], [stamp]
        actual = fast.process(ValidatedBatch(decoded.events, owners, *times, templates))
        single.move_to(i, stamp, stamp, stamp)
        assert (domain.process(single, event, NOW, owners[0]) == "duplicate") == bool(actual)
    assert 500 < valid_count < 2_500
    fast.apply_pending()
    for actual, expected in zip(contents(batched), contents(single), strict=True):
        assert actual == expected
