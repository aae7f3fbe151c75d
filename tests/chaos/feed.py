"""A seeded load of feedback events, written by librdkafka: new answers, edits, offers, deletions, repeats, junk."""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support import HOUR

BAD = (b"", b"{", b"null", b"\xff\xfe", b'{"id": 7}', b"[1]", b'{"specversion":"1.0","id":"x"}', b"\x00")


class Sent(NamedTuple):
    """What one record was: its key, value, and the event when it is a good one."""

    key: bytes
    value: bytes
    at: int
    event: dict[str, Any] | None


def envelope(kind: str, at: int, number: int, data: dict[str, Any]) -> bytes:
    """A structured CloudEvent as any publisher would write it."""
    stamp = f"{_iso(at)}"
    body = {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/shop",
        "type": kind,
        "time": stamp,
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
) -> Iterator[Sent]:
    """`n` records; natural keys are unique to `name`, or repeated so that no order decides. `now` in ms."""
    rng = random.Random(seed)
    channels = 4
    for i in range(n):
        customer = f"c-{rng.randrange(customers)}"
        if rng.random() < junk:
            yield Sent(customer.encode(), _broken(rng, now, i), now, None)
            continue
        dice, at = rng.random(), now - rng.randrange(6 * HOUR)
        one = f"{name}r-{i}"
        if dice >= 0.9:  # an edit or a deletion of an answer carries the key of that answer
            one, customer = f"{name}s-{i // 7}", f"c-s{i // 7}"
        where = {
            "channel": f"ch{rng.randrange(channels)}",
            "touchpoint": f"tp{rng.randrange(cells // channels)}",
        }
        kind, data = (
            "cx.feedback.submitted.v1",
            {"feedback_id": one, "customer_id": customer, "survey": "nps"},
        )
        if dice < 0.9 or dice >= 0.97:
            data |= {"score": rng.randrange(11), **where, "comment": "all went well, thank you"}
            if dice >= 0.97:
                data["revision"] = i + 1
        elif dice < 0.94:
            kind = "cx.feedback.offered.v1"
            data = {"feedback_id": f"{name}o-{i}", "survey": "csat", "customer_id": customer, **where}
        else:
            kind, data = "cx.feedback.deleted.v1", {"feedback_id": one, "customer_id": customer}
        yield Sent(customer.encode(), envelope(kind, at, i, data), at, {"type": kind, **data})


def _broken(rng: random.Random, now: int, i: int) -> bytes:
    """A malformed event of one of many kinds."""
    good = {"feedback_id": f"b-{i}", "survey": "nps", "score": 9}
    kinds: tuple[bytes, ...] = (
        *BAD,
        envelope("cx.feedback.submitted.v1", now, i, {**good, "score": "9"}),
        envelope("cx.feedback.submitted.v1", now, i, {**good, "score": True}),
        envelope("cx.feedback.submitted.v1", now, i, {**good, "score": 7.5}),
        envelope("cx.feedback.submitted.v1", now, i, {**good, "score": 11}),
        envelope("cx.feedback.submitted.v1", now, i, {**good, "channel": " "}),
        envelope("cx.feedback.submitted.v1", now, i, {"survey": "nps", "score": 1}),
        envelope("cx.feedback.unheard.v1", now, i, good),
        envelope("cx.customer.churned.v1", now, i, {"customer_id": "c"}),
        envelope("cx.feedback.submitted.v1", now + 2 * HOUR, i, good),
        envelope("cx.feedback.submitted.v1", now - 40 * 24 * HOUR, i, good),
        envelope("cx.feedback.submitted.v1", now, i, good)[:-9],
        b"[" * 5_000,
        b'{"a":' * 5_000,
        envelope("cx.feedback.submitted.v1", now, i, {**good, "comment": "x" * 300_000}),
        b'{"specversion":"1.0","id":"n","source":"/s","type":"cx.feedback.submitted.v1","time":1790000000000,"data":{}}',
        b'{"id":"n","type":"cx.feedback.submitted.v1","time":"2026-01-01T00:00:00","data":{}}',
        b'{"id":"n","type":"cx.feedback.submitted.v1","time":"2026-01-01T00:00:00Z","data":{"score":NaN}}',
        b'{"id":"\\ud800","type":"cx.feedback.submitted.v1","time":"2026-01-01T00:00:00Z","data":{}}',
    )
    return rng.choice(kinds)
