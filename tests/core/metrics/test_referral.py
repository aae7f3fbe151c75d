"""Referrals in worked cases."""

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import referral as metric
from tests.core.aggregation.customers.events import activated, counted, outcomes, referral
from tests.support import DAY, HOUR, MINUTE, NOW, Event, figures

RATIO, REFERRERS = ("cx_referral_ratio",), ("cx_referrers",)


def read(events_or_task: list[Event] | PartitionTask, now: int = NOW, window: str = "30d") -> dict:
    partition = counted(events_or_task) if isinstance(events_or_task, list) else events_or_task
    return figures(metric.METRIC, partition, now, window)


def states(by_series: dict) -> list[float]:
    return [by_series["cx_referrals", state] for state in ("sent", "converted", "reversed")]


def test_ref_1() -> None:
    """1,000 customers, 65 sent by 40 of them, 30 converted of 22: 2.2 %."""
    events = [activated(f"c{i}", NOW - 90 * DAY) for i in range(1000)]
    sent = [(f"c{i % 40}", f"r{i}") for i in range(65)]
    converted = [(f"c{i}", f"r{i}") for i in range(22)] + [(f"c{i}", f"r{i + 40}") for i in range(8)]
    events += [referral("sent", customer_id, referral_id, NOW - 3 * DAY) for customer_id, referral_id in sent]
    events += [
        referral("converted", customer_id, referral_id, NOW - DAY) for customer_id, referral_id in converted
    ]
    by_series = read(events)
    assert by_series[RATIO] == 0.022
    assert by_series[REFERRERS] == 22
    assert states(by_series) == [65, 30, 0]


def test_a_referrer_counts_once_in_each_window_that_holds_a_conversion() -> None:
    """Several conversions count once, and earlier conversions count in longer windows."""
    ages = [2 * MINUTE, 30 * MINUTE, 5 * HOUR, 3 * DAY, 20 * DAY]
    events = [referral("converted", "a", f"r{i}", NOW - age, NOW) for i, age in enumerate(ages)]
    for i, window in enumerate(("5m", "1h", "24h", "7d", "30d")):
        by_series = read(events[i:], window=window)
        assert by_series[REFERRERS] == 1
        assert states(by_series)[1] == 1
        assert states(read(events, window=window))[1] == i + 1
        assert read(events[i + 1 :], window=window)[REFERRERS] == 0


def test_a_reversal_removes_its_conversion_only() -> None:
    """A reversed conversion does not count. Each state counts at its own time."""
    events = [referral("converted", "a", "1", NOW - 3 * DAY), referral("converted", "a", "2", NOW - HOUR)]
    events.append(referral("reversed", "a", "2"))
    assert read(events)[REFERRERS] == 1
    assert read(events, window="24h")[REFERRERS] == 0
    assert states(read(events, window="24h")) == [0, 1, 1]
    assert read([*events, referral("reversed", "a", "1")])[REFERRERS] == 0


@pytest.mark.parametrize("first", ["reversed", "converted"])
def test_a_reversal_may_come_first(first: str) -> None:
    """The order of arrival and of time does not matter."""
    second = "converted" if first == "reversed" else "reversed"
    by_series = read([referral(first, "a", "1", NOW - DAY), referral(second, "a", "1")])
    assert by_series[REFERRERS] == 0
    assert states(by_series) == [0, 1, 1]


def test_each_state_of_a_referral_counts_once() -> None:
    """Duplicates have the same referrer, ID and type."""
    events = [
        referral(state, customer_id, "1")
        for state in ("sent", "converted", "reversed")
        for customer_id in "ab"
    ]
    partition = counted([*events, *events])
    assert outcomes(partition) == {"accepted": 6, "duplicate": 6}
    assert states(read(partition)) == [2, 2, 2]


def test_a_conversion_ahead_of_the_clock_hides_no_earlier_one() -> None:
    """A conversion three minutes ahead and one of yesterday are one referrer."""
    now = NOW // HOUR * HOUR + 59 * MINUTE
    events = [
        referral("converted", "a", "1", now - 8 * HOUR),
        referral("converted", "a", "2", now + 3 * MINUTE, now),
    ]
    by_series = read(events, now, "24h")
    assert by_series[REFERRERS] == 1
    assert states(by_series)[1] == 1


def test_the_ratio_is_per_active_customer() -> None:
    """The ratio is absent without active customers. A referrer need not be active."""
    assert RATIO not in read([referral("converted", "a", "1")])
    assert read([referral("converted", "a", "1"), activated("b"), activated("c")])[RATIO] == 0.5


def test_without_events_counts_are_zero() -> None:
    """Counts are 0, the ratio is absent."""
    assert read([]) == {REFERRERS: 0, **{("cx_referrals", s): 0 for s in ("sent", "converted", "reversed")}}
