"""Next responses, and tickets that await a reply."""

import pytest

from stream.core.metrics.next_response import METRIC
from stream.core.metrics.waiting import METRIC as WAITING
from tests.core.aggregation.tickets.events import counted, created, message, metric_figures, status, updated
from tests.support import HOUR, MINUTE, NOW


def within_a_minute(minutes: int) -> object:
    """Return an approximation of an age in seconds: ages are counted from the beginning of a minute."""
    return pytest.approx(minutes * 60 + 30, abs=30)


ANSWERED = [created(NOW - 3 * HOUR, channel="web"), message(NOW - 2 * HOUR)]


def test_the_time_from_the_customers_message_to_the_reply() -> None:
    """10 and 30 minutes. The second message in a row opens nothing, and a first response is none."""
    events = [
        *ANSWERED,
        message(NOW - 70 * MINUTE, "customer"),
        message(NOW - 65 * MINUTE, "customer"),
        message(NOW - 60 * MINUTE),
        message(NOW - 40 * MINUTE, "customer"),
        message(NOW - 10 * MINUTE),
    ]
    figures = metric_figures(METRIC, counted(events), NOW, "24h")
    assert figures["cx_next_responses",] == 2
    assert figures["cx_next_response_mean_seconds",] == 20 * 60
    assert figures["cx_awaiting_reply_tickets",] == 0
    assert ("cx_awaiting_reply_oldest_seconds",) not in figures


def test_a_response_has_the_dimensions_of_its_moment_and_a_wait_the_present_ones() -> None:
    """The ticket moves to another channel while the customer waits."""
    events = [
        *ANSWERED,
        message(NOW - 50 * MINUTE, "customer"),
        message(NOW - 40 * MINUTE),
        updated(NOW - 30 * MINUTE, channel="chat"),
        message(NOW - 20 * MINUTE, "customer"),
    ]
    task = counted(events)
    for channel, responses, waiting in (("web", 1, 0), ("chat", 0, 1)):
        figures = metric_figures(METRIC, task, NOW, "24h", view="channel", values=(channel,))
        assert figures["cx_next_responses",] == responses
        assert figures["cx_awaiting_reply_tickets",] == waiting
    assert metric_figures(METRIC, task, NOW)["cx_awaiting_reply_oldest_seconds",] == within_a_minute(20)
    assert metric_figures(WAITING, task, NOW)["cx_waiting_tickets",] == 0


def test_a_solve_ends_the_wait_without_a_response() -> None:
    """A reopening opens a contact cycle, which awaits a reply, too."""
    events = [*ANSWERED, message(NOW - HOUR, "customer"), status(NOW - 30 * MINUTE, "solved")]
    figures = metric_figures(METRIC, counted(events), NOW)
    assert (figures["cx_next_responses",], figures["cx_awaiting_reply_tickets",]) == (0, 0)
    figures = metric_figures(METRIC, counted([*events, status(NOW - 10 * MINUTE, "open")]), NOW)
    assert figures["cx_awaiting_reply_oldest_seconds",] == within_a_minute(10)
