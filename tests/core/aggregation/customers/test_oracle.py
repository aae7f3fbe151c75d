"""Customer figures compared with an oracle that recomputes them from all events."""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers, lifecycle
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import churn, clv, fcr, leaving, referral, retention
from tests.core.aggregation.customers import fcr_oracle, oracle
from tests.core.aggregation.customers.oracle import OracleEvent
from tests.core.aggregation.customers.strategies import histories, ticket_histories, typed
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    WINDOWS,
    aggregation_config,
    figures,
    finish_restore,
    records,
    rows,
    single,
)

SPANS = {window.label: window.span for window in WINDOWS}
VIEWS = {name: (name,) for name in ("channel", "plan", "region", "ticket_topic")}
LABEL_SETS: list[tuple[str, tuple[str, ...]]] = [
    ("total", ()),
    ("channel", ("web",)),
    ("channel", ("app",)),
    ("plan", ("pro",)),
    ("region", ("eu",)),
    ("ticket_topic", ("bill",)),
]
MARGIN = 0.5
METRICS = [module.METRIC for module in (churn, clv, fcr, leaving, referral, retention)]


def served_figures(
    partition: PartitionTask, now: int, window: str, view: str, values: tuple[str, ...]
) -> dict[Any, float]:
    out: dict[Any, float] = {}
    for metric in METRICS:
        out |= figures(metric, partition, now, window, view, values)
    return out


def process_and_flush(partition: PartitionTask, history: list[OracleEvent], size: int) -> None:
    """Process in batches of `size`, with a flush after each."""
    batch_records = records([typed(event) for event in history], partition.next_offset)
    for i in range(0, len(batch_records), size):
        batch = batch_records[i : i + size]
        wall_clock = max(record.timestamp for record in batch)
        partition.process(batch, wall_clock)
        partition.prepare_flush(wall_clock, 0)


@given(histories(), st.integers(1, 6), st.sampled_from([0, 3 * MINUTE, 5 * HOUR, 3 * DAY]))
def test_every_figure_of_every_window_is_the_oracles(
    history: list[OracleEvent], size: int, later: int
) -> None:
    """Months of records with downsampling, expiry, duplicates, and events older and younger than their records."""
    partition = single(Customers(), aggregation_config(margin_rate=MARGIN, views={"total": ()} | VIEWS))
    process_and_flush(partition, history, size)
    assert not partition.dead_letters
    now = max((event["stamp"] for event in history), default=NOW) + later
    customers = oracle.customers(history, Fraction(MARGIN))
    for view, values in LABEL_SETS:
        label_values = dict(zip([view], values, strict=False))
        for label, span in SPANS.items():
            expected = oracle.figures(customers, now, span, label_values)
            expected |= fcr_oracle.figures(history, now, span, label_values)
            assert served_figures(partition, now, label, view, values) == pytest.approx(expected)
    assert list(pane_differences(partition)) == []


@given(histories(gap=st.integers(0, 30 * HOUR)), st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_order_of_events_gives_the_same_panes(history: list[OracleEvent], random: Any, size: int) -> None:
    """Events are shuffled, repeated and cut into other batches. Panes are compared block by block."""
    in_order, reordered = single(Customers()), single(Customers())
    process_and_flush(in_order, history, len(history) or 1)
    shuffled = [*history, *random.sample(history, len(history) // 3)]
    random.shuffle(shuffled)
    process_and_flush(reordered, shuffled, size)
    assert reordered.panes.blocks == in_order.panes.blocks
    assert sum(reordered.outcome_counts.values()) == len(shuffled)
    assert reordered.outcome_counts["accepted"] == in_order.outcome_counts["accepted"]
    assert list(pane_differences(reordered)) == []


@given(ticket_histories(), st.integers(1, 14), st.randoms(use_true_random=False))
def test_fcr_is_the_oracles_in_any_order(history: list[OracleEvent], size: int, random: Any) -> None:
    """Many summaries of a few tickets, near the ends of weeks. Afterwards in another order, some repeated."""
    partition = single(Customers())
    process_and_flush(partition, history, size)
    for window in ("5m", "7d", "30d"):
        expected = fcr_oracle.figures(history, NOW, SPANS[window], {})
        assert figures(fcr.METRIC, partition, NOW, window) == expected
    shuffled = [*history, *random.sample(history, len(history) // 2)]
    random.shuffle(shuffled)
    reordered = single(Customers())
    process_and_flush(reordered, shuffled, 1 + len(history) % size)
    assert reordered.panes.blocks == partition.panes.blocks
    assert list(pane_differences(reordered)) == []


@given(histories(gap=st.integers(0, 30 * HOUR)), st.integers(1, 6))
def test_low_limits_change_no_figure_of_events_in_order(history: list[OracleEvent], size: int) -> None:
    """Events are pruned, ignored churns rolled up, and finished lives archived."""
    in_order = [{**event, "stamp": event["at"]} for event in sorted(history, key=lambda e: e["at"])]
    partition = single(Customers())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "MAX_OTHER_EVENTS", 1)
        patch.setattr(lifecycle, "MAX_FINISHED_PERIODS", 2)
        patch.setattr(lifecycle, "MAX_SWITCHES", 1)
        process_and_flush(partition, in_order, size)
    now = max((event["at"] for event in history), default=NOW)
    customers = oracle.customers(in_order)
    for view, values in LABEL_SETS[:3]:
        label_values = dict(zip([view], values, strict=False))
        for label, span in SPANS.items():
            expected = oracle.figures(customers, now, span, label_values)
            expected |= fcr_oracle.figures(in_order, now, span, label_values)
            assert served_figures(partition, now, label, view, values) == pytest.approx(expected)


@given(histories(), st.integers(1, 6))
def test_nothing_is_ever_below_zero_but_money(history: list[OracleEvent], size: int) -> None:
    """Checked after each flush, for all aggregates except money."""
    partition = single(Customers())
    batch_records = records([typed(event) for event in history])
    for i in range(0, len(batch_records), size):
        batch = batch_records[i : i + size]
        partition.process(batch, batch[-1].timestamp)
        partition.prepare_flush(batch[-1].timestamp, 0)
        for key, block in partition.panes.blocks.items():
            if key.cell.aggregate not in ("revenue", "clv"):
                assert all(n > 0 for n in block.values()), key


@given(histories(gap=st.integers(0, 30 * HOUR)), st.booleans())
def test_another_config_and_back_give_the_same_panes(history: list[OracleEvent], windows: bool) -> None:
    """Views, labels and margin change, and the panes are rebuilt from the stored entities."""
    other = {"views": {"total": (), "by": ("touchpoint",)}, "labels": ("brand",), "margin_rate": 0.1}
    if windows:
        other["windows"] = (*WINDOWS, WINDOWS[-1]._replace(label="60d", span=60 * DAY))
    partition = single(Customers())
    process_and_flush(partition, history, 3)
    before = partition.panes.blocks
    for config in (aggregation_config(config_hash="other", **other), aggregation_config()):
        rebuilt = PartitionTask(Customers(), 0, 1, config)
        rebuilt.store.entities.update(partition.store.entities)
        for key, block in rows(partition.panes):
            rebuilt.restore_panes(key, block)
        rebuilt.checkpoint = partition.checkpoint
        assert bool(finish_restore(rebuilt)) == bool(history)
        rebuilt.prepare_flush(partition.checkpoint.watermark, 0)
        assert list(pane_differences(rebuilt)) == []
        partition = rebuilt
    assert partition.panes.blocks == before


@given(histories())
def test_a_customer_does_not_grow_with_its_history(history: list[OracleEvent]) -> None:
    """Expired events, orders and referrals are removed when the customer is next changed."""
    partition = single(Customers())
    process_and_flush(partition, history, 4)
    times = [
        event.get(name) or NOW for event in history for name in ("stamp", "created", "solved", "reopened")
    ]
    end = max(times, default=NOW) + 70 * DAY
    late = [
        {"kind": "notice", "customer": customer_id, "at": end + i, "stamp": end + i, "id": f"end {i}"}
        for i, customer_id in enumerate("ab")
    ]
    process_and_flush(partition, late, 1)
    partition.prepare_flush(end + DAY, 0)
    open_tickets = sum(not e["resolved"] for e in fcr_oracle.tickets(history))
    kept = Counter(key[:1] for key in partition.store.entities)
    assert kept.keys() <= {b"c", b"s", b"a"}
    assert kept[b"s"] + kept[b"a"] == open_tickets
    for raw in partition.store.entities.values():
        assert len(raw) < 400
    customers = oracle.customers([*history, *late])
    actual = served_figures(partition, end, "30d", "total", ())
    expected = oracle.figures(customers, end, 30 * DAY, {})
    assert actual == pytest.approx(expected | fcr_oracle.figures(history, end, 30 * DAY, {}))
