"""From a bot to people."""

from stream.core.metrics.handoff import METRIC
from tests.core.aggregation.tickets.events import counted, created, handoff, message, shown, status
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND

MEAN, COUNT = "cx_handoff_response_mean_seconds", "cx_handoff_responses"


def test_from_the_handoff_to_the_next_public_agent_message() -> None:
    """FRT-7: 300 s; the internal note in between is none."""
    events = [
        created(NOW),
        handoff(NOW + 240 * SECOND),
        message(NOW + 360 * SECOND, public=False),
        message(NOW + 540 * SECOND),
    ]
    figures = shown(METRIC, counted(events), NOW + HOUR)
    assert (figures[MEAN,], figures[COUNT,]) == (300, 1)


def test_each_handoff_is_measured_and_one_without_a_message_is_not() -> None:
    """Two before one message, one after the last; one before the creation is ignored."""
    events = [
        handoff(NOW - 1, stamp=NOW),
        created(NOW),
        handoff(NOW + MINUTE),
        handoff(NOW + 2 * MINUTE),
        message(NOW + 3 * MINUTE),
        handoff(NOW + HOUR),
    ]
    figures = shown(METRIC, counted(events), NOW + DAY)
    assert (figures[MEAN,], figures[COUNT,]) == (90, 2)


def test_solves_do_not_matter() -> None:
    """The message may come after one."""
    events = [created(NOW), handoff(NOW + MINUTE), status(NOW + HOUR, "solved"), message(NOW + HOUR + MINUTE)]
    assert shown(METRIC, counted(events), NOW + DAY)[MEAN,] == 3600


def test_nothing_but_a_zero_without_handoffs() -> None:
    """No mean, no quantiles."""
    assert shown(METRIC, counted([created(NOW), message(NOW + 1)]), NOW) == {(COUNT,): 0}
