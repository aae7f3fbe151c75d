"""Handoffs from a bot to people."""

from stream.core.metrics.handoff import METRIC
from tests.core.aggregation.tickets.events import counted, created, handoff, message, metric_figures, status
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND

MEAN, COUNT = "cx_handoff_response_mean_seconds", "cx_handoff_responses"


def test_a_handoff_ends_at_the_next_public_agent_message() -> None:
    """FRT-7: 300 s. The internal note does not end the handoff."""
    events = [
        created(NOW),
        handoff(NOW + 240 * SECOND),
        message(NOW + 360 * SECOND, public=False),
        message(NOW + 540 * SECOND),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + HOUR)
    assert (figures[MEAN,], figures[COUNT,]) == (300, 1)


def test_each_handoff_is_measured_and_one_without_a_message_is_not() -> None:
    """Two handoffs before a message count, one without a message or before the creation does not."""
    events = [
        handoff(NOW - 1, stamp=NOW),
        created(NOW),
        handoff(NOW + MINUTE),
        handoff(NOW + 2 * MINUTE),
        message(NOW + 3 * MINUTE),
        handoff(NOW + HOUR),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + DAY)
    assert (figures[MEAN,], figures[COUNT,]) == (90, 2)


def test_a_solve_does_not_end_a_handoff() -> None:
    """The message may come after a solve."""
    events = [created(NOW), handoff(NOW + MINUTE), status(NOW + HOUR, "solved"), message(NOW + HOUR + MINUTE)]
    assert metric_figures(METRIC, counted(events), NOW + DAY)[MEAN,] == 3600


def test_without_handoffs_only_the_count_is_shown() -> None:
    """Mean and quantiles are absent."""
    assert metric_figures(METRIC, counted([created(NOW), message(NOW + 1)]), NOW) == {(COUNT,): 0}
