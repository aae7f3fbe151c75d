"""Limits of an event's time, for one event and for a batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import MAX_AHEAD
from stream.core.aggregation.admission import TimeLimits
from tests.support import HOUR, NOW, aggregation_config

CONFIG = aggregation_config()
LIMITS, LATENESS = TimeLimits(CONFIG), CONFIG.allowed_lateness
NEAR = st.integers(-2 * HOUR, 2 * HOUR)


@given(NEAR.map(lambda ms: NOW + ms), st.sampled_from([-LATENESS, 0, MAX_AHEAD]), NEAR)
def test_a_batch_within_the_limits_has_no_late_or_future_event(stamp: int, limit: int, near: int) -> None:
    """The check of a batch may be stricter by less than an hour, never less strict."""
    time = stamp + limit + near
    exceeded = LIMITS.is_late(time, stamp) or LIMITS.is_future(time, stamp)
    if LIMITS.none_exceeded([time], [stamp]):
        assert not exceeded
    elif not exceeded:
        assert -LATENESS - HOUR < time - stamp < -LATENESS


@pytest.mark.parametrize(
    ("time", "late", "future"),
    [
        (NOW - NOW % HOUR - LATENESS, False, False),
        (NOW - NOW % HOUR - LATENESS - 1, True, False),
        (NOW + MAX_AHEAD, False, False),
        (NOW + MAX_AHEAD + 1, False, True),
    ],
)
def test_limits_are_whole_hours_back_and_five_minutes_ahead(time: int, late: bool, future: bool) -> None:
    assert (LIMITS.is_late(time, NOW), LIMITS.is_future(time, NOW)) == (late, future)
