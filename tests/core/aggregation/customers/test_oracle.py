"""The core against an oracle that recomputes every customer figure from all events."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import CUSTOMERS
from tests.core.aggregation.customers import oracle
from tests.core.aggregation.customers.oracle import Happened
from tests.core.aggregation.customers.strategies import histories, typed
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    WINDOWS,
    aggregation_config,
    figures,
    records,
    rows,
    single,
)

SPANS = {window.label: window.span for window in WINDOWS}
LABEL_SETS: list[tuple[str, tuple[str, ...]]] = [("total", ()), ("channel", ("web",)), ("channel", ("app",))]
MARGIN = 0.5


def shown(
    partition: PartitionTask, now: int, window: str, view: str, values: tuple[str, ...]
) -> dict[Any, float]:
    out: dict[Any, float] = {}
    for metric in CUSTOMERS:
        out |= figures(metric, partition, now, window, view, values)
    return out


def fold(partition: PartitionTask, history: list[Happened], size: int) -> None:
    """In batches, a flush after each."""
    listed = records([typed(happened) for happened in history], partition.next_offset)
    for i in range(0, len(listed), size):
        batch = listed[i : i + size]
        clock = max(record.timestamp for record in batch)
        partition.process(batch, clock)
        partition.prepare_flush(clock, 0)


@given(histories(), st.integers(1, 6), st.sampled_from([0, 3 * MINUTE, 5 * HOUR, 3 * DAY]))
def test_every_figure_of_every_window_is_the_oracles(history: list[Happened], size: int, later: int) -> None:
    """Through months of records, with merging and forgetting, duplicates, and events behind and ahead of their records."""
    partition = single(Customers(), aggregation_config(margin_rate=MARGIN))
    fold(partition, history, size)
    assert not partition.dead_letters
    now = max((happened["stamp"] for happened in history), default=NOW) + later
    crowd = oracle.people(history, Fraction(MARGIN))
    for view, values in LABEL_SETS:
        where = dict(zip(["channel"], values, strict=False))
        for label, span in SPANS.items():
            want = oracle.figures(crowd, now, span, where)
            assert shown(partition, now, label, view, values) == pytest.approx(want)
    assert list(pane_differences(partition)) == []


@given(histories(gap=st.integers(0, 30 * HOUR)), st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_order_of_events_ends_at_the_same_panes(history: list[Happened], random: Any, size: int) -> None:
    """Shuffled, cut into other batches, with repetitions: block by block."""
    straight, mixed = single(Customers()), single(Customers())
    fold(straight, history, len(history) or 1)
    shuffled = [*history, *random.sample(history, len(history) // 3)]
    random.shuffle(shuffled)
    fold(mixed, shuffled, size)
    assert mixed.panes.blocks == straight.panes.blocks
    assert sum(mixed.outcome_counts.values()) == len(shuffled)
    assert mixed.outcome_counts["accepted"] == straight.outcome_counts["accepted"]
    assert list(pane_differences(mixed)) == []


@given(histories(), st.integers(1, 6))
def test_nothing_is_ever_below_zero_but_money(history: list[Happened], size: int) -> None:
    """After each flush: no stock, no start or churn, no referral that is not there."""
    partition = single(Customers())
    listed = records([typed(happened) for happened in history])
    for i in range(0, len(listed), size):
        batch = listed[i : i + size]
        partition.process(batch, batch[-1].timestamp)
        partition.prepare_flush(batch[-1].timestamp, 0)
        for key, block in partition.panes.blocks.items():
            if key.cell.aggregate not in ("revenue", "clv"):
                assert all(n > 0 for n in block.values()), key


@given(histories(gap=st.integers(0, 30 * HOUR)), st.booleans())
def test_another_config_and_back_give_the_same_panes(history: list[Happened], windows: bool) -> None:
    """Views, labels and margin change, and the state is made anew from what customers hold."""
    other = {"views": {"total": (), "by": ("touchpoint",)}, "labels": ("brand",), "margin_rate": 0.1}
    if windows:
        other["windows"] = (*WINDOWS, WINDOWS[-1]._replace(label="60d", span=60 * DAY))
    partition = single(Customers())
    fold(partition, history, 3)
    before = partition.panes.blocks
    for changed in (aggregation_config(config_hash="other", **other), aggregation_config()):
        again = PartitionTask(Customers(), 0, 1, changed)
        again.store.entities.update(partition.store.entities)
        for key, block in rows(partition.panes):
            again.restore_panes(key, block)
        again.checkpoint = partition.checkpoint
        assert again.finish_restore() == bool(history)
        again.prepare_flush(partition.checkpoint.watermark, 0)
        assert list(pane_differences(again)) == []
        partition = again
    assert partition.panes.blocks == before


@given(histories())
def test_a_customer_does_not_grow_with_its_history(history: list[Happened]) -> None:
    """Events, orders and referrals of long ago are gone once the customer is touched again."""
    partition = single(Customers())
    fold(partition, history, 4)
    end = max((happened["stamp"] for happened in history), default=NOW) + 40 * DAY
    late = [
        {"kind": "notice", "who": who, "at": end + i, "stamp": end + i, "id": f"end {i}"}
        for i, who in enumerate("ab")
    ]
    fold(partition, late, 1)
    partition.prepare_flush(end + DAY, 0)
    assert {key[:1] for key in partition.store.entities} == {b"c"}
    for raw in partition.store.entities.values():
        assert len(raw) < 250
    crowd = oracle.people([*history, *late])
    kept = shown(partition, end, "30d", "total", ())
    assert kept == pytest.approx(oracle.figures(crowd, end, 30 * DAY, {}))
