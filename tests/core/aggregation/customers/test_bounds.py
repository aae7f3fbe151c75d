"""A customer's stored state is bounded for any history, and its figures stay exact."""

from fractions import Fraction
from typing import Any

import pytest

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers, lifecycle
from stream.core.aggregation.customers.entity import unpack
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import churn
from tests.core.aggregation.customers import fcr_oracle, oracle
from tests.core.aggregation.customers.events import activated, churned, outcomes
from tests.core.aggregation.customers.oracle import OracleEvent
from tests.core.aggregation.customers.strategies import typed
from tests.core.aggregation.customers.test_oracle import LABEL_SETS, SPANS, VIEWS, served_figures
from tests.support import DAY, HOUR, MINUTE, NOW, aggregation_config, figures, records, single

MARGIN = 0.5


def many_lives(n: int, duration: int) -> list[OracleEvent]:
    """Return `n` activations and churns of one customer. The last activation has another channel."""
    events: list[OracleEvent] = []
    for i in range(2 * n + 1):
        at = NOW + i * duration // (2 * n)
        event: OracleEvent = {"customer": "a", "at": at, "stamp": at, "id": f"{i:06}"}
        if i % 2:
            event |= {"kind": "off", "reason": f"reason {i % 9}", "voluntary": i % 3 == 0}
        else:
            event |= {"kind": "on", "margin": None, "dims": {"channel": "app" if i == 2 * n else "web"}}
        events.append(event)
    return events


def process_and_flush(partition: PartitionTask, history: list[OracleEvent]) -> None:
    """Process with a flush for each hundred events, and audit the panes."""
    batch_records = records([typed(event) for event in history], partition.next_offset)
    for i in range(0, len(batch_records), 100):
        batch = batch_records[i : i + 100]
        partition.process(batch, batch[-1].timestamp)
        partition.prepare_flush(batch[-1].timestamp, 0)
    assert list(pane_differences(partition)) == []


@pytest.mark.parametrize("duration", [2 * 60 * MINUTE, 45 * DAY])
def test_a_customer_with_thousands_of_lives(duration: int) -> None:
    """400 lives within hours or within 45 days take less than 40 kB, and every figure equals the oracle's."""
    partition = single(Customers(), aggregation_config(margin_rate=MARGIN, views={"total": ()} | VIEWS))
    history = many_lives(400, duration)
    process_and_flush(partition, history)
    assert len(partition.store.entities[b"ca"]) < 40_000
    now = history[-1]["stamp"]
    customers = oracle.customers(history, Fraction(MARGIN))
    for view, values in LABEL_SETS:
        label_values = dict(zip([view], values, strict=False))
        for label, span in SPANS.items():
            expected = oracle.figures(customers, now, span, label_values)
            expected |= fcr_oracle.figures(history, now, span, label_values)
            assert served_figures(partition, now, label, view, values) == pytest.approx(expected)


def test_events_of_the_time_of_archived_lives_are_duplicates() -> None:
    """Repetitions and late events from that time are duplicates. Younger events count."""
    partition = single(Customers())
    history = many_lives(lifecycle.MAX_FINISHED_PERIODS + 20, DAY)
    process_and_flush(partition, history)
    before = partition.panes.blocks
    process_and_flush(partition, [{**event, "stamp": history[-1]["stamp"]} for event in history])
    assert partition.panes.blocks == before
    assert outcomes(partition) == {"accepted": len(history), "duplicate": len(history)}
    late = {**history[0], "id": "late", "at": NOW + 1, "stamp": history[-1]["stamp"]}
    process_and_flush(
        partition, [late, {**history[0], "id": "new", "at": history[-1]["at"] - 1, "stamp": late["stamp"]}]
    )
    assert outcomes(partition) == {"accepted": len(history) + 1, "duplicate": len(history) + 1}


def test_reasons_of_archived_lives_past_the_limit_become_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reason has its own roll-up, so their number is limited."""
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
        for name, n in served_figures(partition, NOW, "1h", "total", ()).items()
        if "churned_cust" in name[0]
    }
    expected = {f"reason {i}": 1 for i in (0, 1, 10, 11)}
    assert reasons == expected | {"__other__": 8}


def test_ignored_churns_before_archived_lives_stay_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At their own time."""
    for cap in ("MAX_OTHER_EVENTS", "MAX_FINISHED_PERIODS"):
        monkeypatch.setattr(lifecycle, cap, 2)
    partition = single(Customers())
    events: list[Any] = [churned("a", NOW - 2 * HOUR), churned("a", NOW - 1)]
    for i in range(5):
        events += [activated("a", NOW + 2 * i), churned("a", NOW + 2 * i + 1)]
    partition.process(records(events), NOW + 10)
    partition.prepare_flush(NOW + 10, 0)
    assert unpack(partition.store.entities[b"ca"]).archived_until is not None
    for window, n in (("1h", 1), ("24h", 2)):
        assert figures(churn.METRIC, partition, NOW + 10, window)["cx_churn_ignored",] == n


def test_a_history_of_switches_that_is_delivered_again_changes_nothing() -> None:
    """In any order, while it is known and after it was forgotten. Its size is bounded."""
    partition = single(Customers())
    events = [activated("a", NOW - DAY)]
    for i in range(60):
        events += [activated("a", NOW + i, plan=f"plan {i % 2}"), churned("a", NOW + i)]
    late = NOW + 45 * DAY
    for stamp, delivered in (
        (NOW, events),
        (NOW + 1, events[::-1]),
        (late, events),
        (late + 1, events[::-1]),
    ):
        copies = [event._replace(stamp=stamp, id=f"{event.id} at {stamp}") for event in delivered]
        partition.process(records([activated("b", stamp), *copies], partition.next_offset), stamp)
        partition.prepare_flush(stamp, 0)
        by_series = figures(churn.METRIC, partition, stamp, "30d")
        assert by_series["cx_active_customers",] == 2
        assert by_series["cx_churn_ignored",] == by_series["cx_churned_voluntary_customers", "true"] == 0
        assert len(partition.store.entities[b"ca"]) < 12_000
