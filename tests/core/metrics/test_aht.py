"""Average handle time in worked cases."""

import pytest

from stream.core.metrics.aht import METRIC
from tests.core.aggregation.tickets.events import counted, handled, metric_figures
from tests.support import HOUR, NOW

MEAN = "cx_handle_mean_seconds"
CALLS = [handled(NOW, 240, 30, 60), handled(NOW, 420, 0, 90), handled(NOW, 180, 60, 30)]


def test_talk_hold_and_wrap_up_over_interactions() -> None:
    """AHT-1: 370.0 s."""
    figures = metric_figures(METRIC, counted(CALLS), NOW)
    assert figures[MEAN,] == 370
    assert figures["cx_handled_interactions",] == 3
    assert figures["cx_handle_seconds", "0.5"] == pytest.approx(330, rel=0.01)


def test_abandoned_and_bot_interactions_are_counted_apart() -> None:
    """AHT-5: abandoned interactions are not in the denominator, bot interactions are not counted."""
    events = [*CALLS, handled(NOW, 0, 0, 0, outcome="abandoned"), handled(NOW, 5, 0, 0, outcome="bot")]
    figures = metric_figures(METRIC, counted(events), NOW)
    assert (figures[MEAN,], figures["cx_handled_interactions",]) == (370, 3)
    assert figures["cx_abandoned_interactions",] == 1


def test_per_leg_is_the_same_sum_over_the_legs() -> None:
    """A call with three legs, and one with the default of one."""
    figures = metric_figures(METRIC, counted([handled(NOW, 300, legs=3), handled(NOW, 100)]), NOW)
    assert (figures[MEAN,], figures["cx_handle_leg_mean_seconds",]) == (200, 100)


def test_each_part_is_rounded_to_whole_milliseconds() -> None:
    """0.0004 s round to 0 ms."""
    assert metric_figures(METRIC, counted([handled(NOW, 0.0004, 0.0004, 0.0016)]), NOW)[MEAN,] == 0.002


def test_the_greatest_values_add_up() -> None:
    """A thousand calls of the longest allowed time fit in a stored integer."""
    longest = (2**53 - 1) // 1000
    events = [handled(NOW, longest, longest, longest, legs=2**53 - 1) for _ in range(1000)]
    figures = metric_figures(METRIC, counted(events), NOW)
    assert figures[MEAN,] == 3 * longest
    assert figures["cx_handle_leg_mean_seconds",] == pytest.approx(3 * longest / (2**53 - 1))


def test_without_interactions_only_counts_are_shown() -> None:
    """A window without interactions has no mean."""
    figures = metric_figures(METRIC, counted([CALLS[0]]), NOW + 5 * HOUR, "1h")
    assert figures == {("cx_handled_interactions",): 0, ("cx_abandoned_interactions",): 0}


def test_the_parts_add_up_to_the_mean() -> None:
    """AHT-1: talk 280 s, hold 30 s and wrap-up 60 s on average."""
    figures = metric_figures(METRIC, counted(CALLS), NOW)
    parts = {part: figures["cx_handle_part_mean_seconds", part] for part in ("talk", "hold", "wrap")}
    assert parts == {"talk": 280, "hold": 30, "wrap": 60}
