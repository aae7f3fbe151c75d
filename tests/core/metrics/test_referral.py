"""Referrals against worked cases."""

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import referral as metric
from tests.core.aggregation.customers.events import activated, counted, outcomes, referral
from tests.support import DAY, HOUR, MINUTE, NOW, Event, figures

RATIO, REFERRERS = ("cx_referral_ratio",), ("cx_referrers",)


def read(source: list[Event] | PartitionTask, now: int = NOW, window: str = "30d") -> dict:
    partition = counted(source) if isinstance(source, list) else source
    return figures(metric.METRIC, partition, now, window)


def states(shown: dict) -> list[float]:
    return [shown["cx_referrals", state] for state in ("sent", "converted", "reversed")]


def test_ref_1() -> None:
    """1,000 customers, 65 sent by 40 of them, 30 converted of 22: 2.2 %."""
    events = [activated(f"c{i}", NOW - 90 * DAY) for i in range(1000)]
    sent = [(f"c{i % 40}", f"r{i}") for i in range(65)]
    converted = [(f"c{i}", f"r{i}") for i in range(22)] + [(f"c{i}", f"r{i + 40}") for i in range(8)]
    events += [referral("sent", who, one, NOW - 3 * DAY) for who, one in sent]
    events += [referral("converted", who, one, NOW - DAY) for who, one in converted]
    shown = read(events)
    assert shown[RATIO] == 0.022
    assert shown[REFERRERS] == 22
    assert states(shown) == [65, 30, 0]


def test_a_referrer_counts_once_in_each_window_that_holds_a_conversion() -> None:
    """However many there are; windows that end before the last one still see an earlier one."""
    ages = [2 * MINUTE, 30 * MINUTE, 5 * HOUR, 3 * DAY, 20 * DAY]
    events = [referral("converted", "a", f"r{i}", NOW - age, NOW) for i, age in enumerate(ages)]
    for i, window in enumerate(("5m", "1h", "24h", "7d", "30d")):
        shown = read(events[i:], window=window)
        assert shown[REFERRERS] == 1
        assert states(shown)[1] == 1
        assert states(read(events, window=window))[1] == i + 1
        assert read(events[i + 1 :], window=window)[REFERRERS] == 0


def test_a_reversal_leaves_the_conversions_that_stand() -> None:
    """The reversed one counts for nobody; each state has its own time."""
    events = [referral("converted", "a", "1", NOW - 3 * DAY), referral("converted", "a", "2", NOW - HOUR)]
    events.append(referral("reversed", "a", "2"))
    assert read(events)[REFERRERS] == 1
    assert read(events, window="24h")[REFERRERS] == 0
    assert states(read(events, window="24h")) == [0, 1, 1]
    assert read([*events, referral("reversed", "a", "1")])[REFERRERS] == 0


@pytest.mark.parametrize("first", ["reversed", "converted"])
def test_a_reversal_may_come_first(first: str) -> None:
    """Order of arrival, and of time, does not matter."""
    second = "converted" if first == "reversed" else "reversed"
    shown = read([referral(first, "a", "1", NOW - DAY), referral(second, "a", "1")])
    assert shown[REFERRERS] == 0
    assert states(shown) == [0, 1, 1]


def test_each_state_of_a_referral_counts_once() -> None:
    """The id and the type tell, per referrer."""
    events = [referral(state, who, "1") for state in ("sent", "converted", "reversed") for who in "ab"]
    partition = counted([*events, *events])
    assert outcomes(partition) == {"accepted": 6, "duplicate": 6}
    assert states(read(partition)) == [2, 2, 2]


def test_a_conversion_ahead_of_the_clock_hides_no_earlier_one() -> None:
    """Three minutes ahead, in a bucket no window holds yet, beside one of yesterday: one referrer."""
    now = NOW // HOUR * HOUR + 59 * MINUTE
    events = [
        referral("converted", "a", "1", now - 8 * HOUR),
        referral("converted", "a", "2", now + 3 * MINUTE, now),
    ]
    shown = read(events, now, "24h")
    assert shown[REFERRERS] == 1
    assert states(shown)[1] == 1


def test_the_ratio_is_per_active_customer() -> None:
    """Absent without one; a referrer need not be one."""
    assert RATIO not in read([referral("converted", "a", "1")])
    assert read([referral("converted", "a", "1"), activated("b"), activated("c")])[RATIO] == 0.5


def test_nothing_at_all_shows_zeros() -> None:
    """Counts are there, the ratio is not."""
    assert read([]) == {REFERRERS: 0, **{("cx_referrals", s): 0 for s in ("sent", "converted", "reversed")}}
