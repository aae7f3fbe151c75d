"""Starts of alarms, given when an expression was active."""

from math import nan

import pytest

from tests.bench.alerts.alarms import alarms
from tests.bench.alerts.prometheus import Span

MINUTES = Span(0, 10_000, 60)


def starts_of(moments, for_duration="1m", keep_firing="5m", span=MINUTES):
    """Return the starts of the alarms of one series."""
    return [
        alarm.started_at
        for alarm in alarms({(): dict.fromkeys(moments, 1.0)}, span, for_duration, keep_firing)
    ]


@pytest.mark.parametrize(
    ("moments", "at"),
    [
        ([60], []),
        ([60, 120], [120]),
        ([60, 180, 300], []),
        ([60, 120, 180, 480, 540], [120]),
        ([60, 120, 600, 660], [120, 660]),
    ],
)
def test_an_alarm_starts_after_for_and_holds_for_keep_firing_for(moments, at):
    """A gap restarts the wait. A gap shorter than `keep_firing_for` does not end the alarm."""
    assert starts_of(moments) == at


def test_a_for_shorter_than_a_step_counts_as_zero():
    """Nothing is known between two steps."""
    assert starts_of([60], for_duration="30s") == [60]


def test_nan_ends_an_alarm():
    """A removed series is written as NaN."""
    assert alarms({(): {60: 1.0, 120: nan}}, MINUTES, "1m", "5m") == []
