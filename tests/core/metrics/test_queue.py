"""Waits, service level and abandonment of the queue, worked out by hand."""

import pytest

from stream.core.metrics.queue import METRIC
from tests.core.aggregation.tickets.events import counted, handled, metric_figures
from tests.support import HOUR, NOW

CALLS = [
    handled(NOW, 60, wait_s=5),
    handled(NOW, 60, wait_s=20),
    handled(NOW, 60, wait_s=20.001),
    handled(NOW, 60, wait_s=115),
    handled(NOW, 0, outcome="abandoned", wait_s=3),
    handled(NOW, 0, outcome="abandoned"),
    handled(NOW, 60),
    handled(NOW, 60, outcome="bot", wait_s=1),
]
"""Five handled calls and two abandoned ones, four and one of which give their wait."""


def test_the_target_is_inside() -> None:
    """20 s are within 20 s, 20.001 s are not: two of the five offered. Bots are in no row."""
    figures = metric_figures(METRIC, counted(CALLS), NOW)
    assert figures["cx_service_level_ratio",] == 2 / 5
    assert figures["cx_queue_waits_within_target",] == 2
    assert figures["cx_queue_offered",] == 5
    assert figures["cx_service_level_ratio_low",] == pytest.approx(0.1176, abs=1e-4)
    assert figures["cx_service_level_ratio_high",] == pytest.approx(0.7693, abs=1e-4)


def test_waits_are_those_of_handled_interactions() -> None:
    """The abandoned one is not among them."""
    figures = metric_figures(METRIC, counted(CALLS), NOW)
    assert figures["cx_queue_waits",] == 4
    assert figures["cx_queue_wait_mean_seconds",] == pytest.approx((5 + 20 + 20.001 + 115) / 4)
    assert figures["cx_queue_wait_seconds", "0.9"] == pytest.approx(115, rel=0.01)


def test_abandonment_is_over_all_handled_and_abandoned_ones() -> None:
    """Also those that do not give their wait."""
    assert metric_figures(METRIC, counted(CALLS), NOW)["cx_abandoned_ratio",] == 2 / 7


def test_another_target_counts_again() -> None:
    """A target of 0 s."""
    figures = metric_figures(METRIC, counted([*CALLS, handled(NOW, 1, wait_s=0)], queue_target=0), NOW)
    assert figures["cx_queue_waits_within_target",] == 1


def test_the_revision_that_counts_decides() -> None:
    """An abandoned call that was handled after all."""
    first = handled(NOW, 0, outcome="abandoned", wait_s=9, interaction_id="i")
    second = handled(NOW, 60, wait_s=9, interaction_id="i", revision=1)
    figures = metric_figures(METRIC, counted([first, second]), NOW)
    assert (figures["cx_abandoned_ratio",], figures["cx_service_level_ratio",]) == (0, 1)


def test_without_interactions_only_counts_are_shown() -> None:
    """They are 0."""
    figures = metric_figures(METRIC, counted([CALLS[0]]), NOW + 5 * HOUR, "1h")
    assert figures == {
        ("cx_queue_waits",): 0,
        ("cx_queue_waits_within_target",): 0,
        ("cx_queue_offered",): 0,
    }
