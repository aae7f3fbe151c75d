"""A seeded load of feedback events for librdkafka: new answers, edits, offers, deletions, repetitions, junk."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from tests.support import HOUR

INVALID_VALUES = (
    b"",
    b"{",
    b"null",
    b"\xff\xfe",
    b'{"id": 7}',
    b"[1]",
    b'{"specversion":"1.0","id":"x"}',
    b"\x00",
)


class PublishedRecord(NamedTuple):
    """A published record: key, value, time, and the event, None for an invalid one."""

    key: bytes
    value: bytes
    at: int
    event: dict[str, Any] | None


def envelope(kind: str, at: int, number: int, data: dict[str, Any]) -> bytes:
    """Return a structured CloudEvent."""
    time = f"{_iso(at)}"
    body = {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/shop",
        "type": kind,
        "time": time,
        "data": data,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _iso(at: int) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def load(
    n: int,
    *,
    now: int,
    seed: int,
    junk: float = 0.0,
    cells: int = 100,
    customers: int = 20_000,
    name: str = "",
) -> Iterator[PublishedRecord]:
    """Yield `n` records.

    Natural keys are unique to `name`, and repetitions do not depend on order. `now` is in ms.
    """
    random = Random(seed)
    channels = 4
    for i in range(n):
        customer = f"c-{random.randrange(customers)}"
        if random.random() < junk:
            yield PublishedRecord(b"b-%d" % i, invalid_value(random, now, i), now, None)
            continue
        choice, at = random.random(), now - random.randrange(6 * HOUR)
        feedback_id = f"{name}r-{i}"
        if choice >= 0.9:  # an edit or a deletion of one answer, or an offer
            feedback_id, customer = f"{name}s-{i // 7}", f"c-s{i // 7}"
        dimensions = {
            "channel": f"ch{random.randrange(channels)}",
            "touchpoint": f"tp{random.randrange(cells // channels)}",
        }
        kind, data = (
            "cx.feedback.submitted.v1",
            {"feedback_id": feedback_id, "customer_id": customer, "survey": "nps"},
        )
        if choice < 0.9 or choice >= 0.97:
            data |= {"score": random.randrange(11), **dimensions, "comment": "all went well, thank you"}
            if choice >= 0.97:
                data["revision"] = i + 1
        elif choice < 0.94:
            kind = "cx.feedback.offered.v1"
            feedback_id = f"{name}o-{i}"
            data = {"feedback_id": feedback_id, "survey": "csat", "customer_id": customer, **dimensions}
        else:
            kind, data = "cx.feedback.deleted.v1", {"feedback_id": feedback_id, "customer_id": customer}
        event = {"type": kind, "id": f"e{i}", **data}
        yield PublishedRecord(feedback_id.encode(), envelope(kind, at, i, data), at, event)


def invalid_value(random: Random, now: int, i: int) -> bytes:
    """Return an invalid value of a random kind."""
    valid = {"feedback_id": f"b-{i}", "survey": "nps", "score": 9}
    values: tuple[bytes, ...] = (
        *INVALID_VALUES,
        envelope("cx.feedback.submitted.v1", now, i, {**valid, "score": "9"}),
        envelope("cx.feedback.submitted.v1", now, i, {**valid, "score": True}),
        envelope("cx.feedback.submitted.v1", now, i, {**valid, "score": 7.5}),
        envelope("cx.feedback.submitted.v1", now, i, {**valid, "score": 11}),
        envelope("cx.feedback.submitted.v1", now, i, {**valid, "channel": " "}),
        envelope("cx.feedback.submitted.v1", now, i, {"survey": "nps", "score": 1}),
        envelope("cx.feedback.unheard.v1", now, i, valid),
        envelope("cx.customer.churned.v1", now, i, {"customer_id": "c"}),
        envelope("cx.feedback.submitted.v1", now + 2 * HOUR, i, valid),
        envelope("cx.feedback.submitted.v1", now - 40 * 24 * HOUR, i, valid),
        envelope("cx.feedback.submitted.v1", now, i, valid)[:-9],
        b"[" * 5_000,
        b'{"a":' * 5_000,
        envelope("cx.feedback.submitted.v1", now, i, {**valid, "comment": "x" * 300_000}),
        b'{"specversion":"1.0","id":"n","source":"/s","type":"cx.feedback.submitted.v1","time":1790000000000,"data":{}}',
        b'{"id":"n","type":"cx.feedback.submitted.v1","time":"2026-01-01T00:00:00","data":{}}',
        b'{"id":"n","type":"cx.feedback.submitted.v1","time":"2026-01-01T00:00:00Z","data":{"score":NaN}}',
        b'{"id":"\\ud800","type":"cx.feedback.submitted.v1","time":"2026-01-01T00:00:00Z","data":{}}',
    )
    return random.choice(values)
