"""A customer's record stays small whatever is sent about one person, and the figures right."""

from fractions import Fraction
from typing import Any

import pytest

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers, lifecycle
from stream.core.aggregation.customers.events import MAX_SOURCE_CHARACTERS
from stream.core.aggregation.task import PartitionTask
from tests.core.aggregation.customers import oracle
from tests.core.aggregation.customers.events import activated, churned, outcomes
from tests.core.aggregation.customers.oracle import Happened
from tests.core.aggregation.customers.strategies import typed
from tests.core.aggregation.customers.test_oracle import LABEL_SETS, SPANS, shown
from tests.support import DAY, MINUTE, NOW, aggregation_config, records, single

MARGIN = 0.5


def comings_and_goings(n: int, over: int) -> list[Happened]:
    """One person comes and goes `n` times, the last time to stay, with other dimensions than ever before."""
    events: list[Happened] = []
    for i in range(2 * n + 1):
        at = NOW + i * over // (2 * n)
        happened: Happened = {"who": "a", "at": at, "stamp": at, "id": f"{i:06}"}
        if i % 2:
            happened |= {"kind": "off", "reason": f"reason {i % 9}", "voluntary": i % 3 == 0}
        else:
            happened |= {"kind": "on", "margin": None, "dims": {"channel": "app" if i == 2 * n else "web"}}
        events.append(happened)
    return events


def fold(partition: PartitionTask, history: list[Happened]) -> None:
    """A flush each hundred events, and proof that it adds up."""
    listed = records([typed(happened) for happened in history], partition.next_offset)
    for i in range(0, len(listed), 100):
        batch = listed[i : i + 100]
        partition.process(batch, batch[-1].timestamp)
        partition.prepare_flush(batch[-1].timestamp, 0)
    assert list(pane_differences(partition)) == []


@pytest.mark.parametrize("over", [2 * 60 * MINUTE, 45 * DAY])
def test_a_customer_with_thousands_of_lives(over: int) -> None:
    """400 lives within hours, or over more than the memory: under 40 kB, and every figure is the oracle's."""
    partition = single(Customers(), aggregation_config(margin_rate=MARGIN))
    history = comings_and_goings(400, over)
    fold(partition, history)
    assert len(partition.store.entities[b"ca"]) < 40_000
    now = history[-1]["stamp"]
    crowd = oracle.people(history, Fraction(MARGIN))
    for view, values in LABEL_SETS:
        where = dict(zip(["channel"], values, strict=False))
        for label, span in SPANS.items():
            want = oracle.figures(crowd, now, span, where)
            assert shown(partition, now, label, view, values) == pytest.approx(want)


def test_events_of_the_time_of_archived_lives_are_duplicates() -> None:
    """A repetition of all that was sent, and what comes so late, are duplicates; younger events count."""
    partition = single(Customers())
    history = comings_and_goings(lifecycle.MAX_FINISHED_PERIODS + 20, DAY)
    fold(partition, history)
    before = partition.panes.blocks
    fold(partition, [{**happened, "stamp": history[-1]["stamp"]} for happened in history])
    assert partition.panes.blocks == before
    assert outcomes(partition) == {"accepted": len(history), "duplicate": len(history)}
    late = {**history[0], "id": "late", "at": NOW + 1, "stamp": history[-1]["stamp"]}
    fold(partition, [late, {**history[0], "id": "new", "at": history[-1]["at"] - 1, "stamp": late["stamp"]}])
    assert outcomes(partition) == {"accepted": len(history) + 1, "duplicate": len(history) + 1}


def test_reasons_of_archived_lives_past_the_cap_become_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is told apart is a ledger of its own."""
    for cap in ("MAX_OTHER_EVENTS", "MAX_FINISHED_PERIODS", "MAX_ARCHIVED_REASONS"):
        monkeypatch.setattr(lifecycle, cap, 2)
    partition = single(Customers())
    events: list[Any] = []
    for i in range(12):
        events += [activated("a", NOW + 2 * i), churned("a", NOW + 2 * i + 1, reason=f"reason {i}")]
    partition.process(records(events), NOW)
    partition.prepare_flush(NOW, 0)
    reasons = {
        name[1]: n
        for name, n in shown(partition, NOW, "1h", "total", ()).items()
        if "churned_cust" in name[0]
    }
    kept = {f"reason {i}": 1 for i in (0, 1, 10, 11)}
    assert reasons == kept | {"__other__": 8}


def test_a_long_source_is_kept_as_a_hash() -> None:
    """It may be as long as a record."""
    partition = single(Customers())
    long = "/" + "x" * 100_000
    events = [
        activated("a", NOW + n, id="1")._replace(source=source)
        for n, source in enumerate([long, long, long[:-1]])
    ]
    partition.process(records(events), NOW + 2)
    assert outcomes(partition) == {"accepted": 2, "duplicate": 1}
    assert len(partition.store.entities[b"ca"]) < 10 * MAX_SOURCE_CHARACTERS
