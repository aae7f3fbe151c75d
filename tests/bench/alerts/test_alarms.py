"""What the bench makes of moments at which an expression held."""

from math import nan

import pytest

from tests.bench.alerts.alarms import alarms
from tests.bench.alerts.prometheus import Span

MINUTES = Span(0, 10_000, 60)


def begun(moments, for_="1m", keep="5m", span=MINUTES):
    """When it began to fire, of one series."""
    return [alarm.at for alarm in alarms({(): dict.fromkeys(moments, 1.0)}, span, for_, keep)]


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
def test_it_begins_after_for_and_stands_for_keep(moments, at):
    """A gap begins the wait anew; one that is shorter than `keep_firing_for` ends nothing."""
    assert begun(moments) == at


def test_a_for_shorter_than_a_step_is_over_at_once():
    """Nobody looked in between."""
    assert begun([60], for_="30s") == [60]


def test_no_number_holds_nothing():
    """A series that went away is written as NaN."""
    assert alarms({(): {60: 1.0, 120: nan}}, MINUTES, "1m", "5m") == []
