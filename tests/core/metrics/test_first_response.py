"""First responses by contact cycle, in worked cases."""

from itertools import permutations

import pytest

from stream.core.metrics.first_response import METRIC
from stream.core.model.response_targets import ResponseTarget
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    handoff,
    message,
    metric_figures,
    status,
    updated,
)
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND, Event

MEAN = "cx_first_response_mean_seconds"


def seconds(events: list[Event], **changes: object) -> float | None:
    return metric_figures(METRIC, counted(events, **changes), NOW + 2 * DAY).get((MEAN,))


def test_a_person_s_first_public_message_ends_the_cycle() -> None:
    """FRT-7: the bot's message after 5 s and the note after 360 s do not end the cycle."""
    events = [
        created(NOW, opened_by="customer"),
        message(NOW + 5 * SECOND, "bot"),
        handoff(NOW + 240 * SECOND),
        message(NOW + 360 * SECOND, "agent", public=False),
        message(NOW + 400 * SECOND, "customer"),
        message(NOW + 420 * SECOND, "system"),
        message(NOW + 540 * SECOND, "agent"),
        message(NOW + 900 * SECOND, "agent"),
    ]
    assert seconds(events) == 540


def test_a_solve_without_a_reply_is_no_response() -> None:
    """FRT-10: the mean is absent, not 0, and the ticket is counted apart. A note is no reply."""
    events = [
        created(NOW),
        message(NOW + MINUTE, "agent", public=False),
        status(NOW + HOUR, "solved", by="timeout"),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + HOUR)
    assert figures == {
        ("cx_first_responses",): 0,
        ("cx_first_responses_within_target",): 0,
        ("cx_resolved_unanswered_tickets",): 1,
    }


def test_each_solve_without_a_message_before_it_is_unanswered() -> None:
    """Two solves without a reply count, a solve after a reply does not."""
    events = [
        created(NOW),
        status(NOW + HOUR, "solved"),
        status(NOW + 2 * HOUR, "open"),
        status(NOW + 3 * HOUR, "closed"),
        status(NOW + 4 * HOUR, "open"),
        message(NOW + 5 * HOUR),
        status(NOW + 6 * HOUR, "solved"),
    ]
    assert metric_figures(METRIC, counted(events), NOW + DAY)["cx_resolved_unanswered_tickets",] == 2


def test_quantiles_mean_and_share_within_target() -> None:
    """FRT-12: 60, 120, 180, 240 and 7,200 s with a target of 900 s."""
    events = []
    for n, wait in enumerate((60, 120, 180, 240, 7200)):
        events += [created(NOW, f"t{n}"), message(NOW + wait * SECOND, ticket=f"t{n}")]
    figures = metric_figures(METRIC, counted(events, response_target=900 * SECOND), NOW + DAY)
    assert figures[MEAN,] == 1560
    assert figures["cx_first_response_seconds", "0.5"] == pytest.approx(180, rel=0.01)
    assert figures["cx_first_response_seconds", "0.9"] == pytest.approx(7200, rel=0.01)
    assert figures["cx_first_response_seconds", "0.99"] == pytest.approx(7200, rel=0.01)
    assert figures["cx_first_responses",] == 5
    assert figures["cx_first_responses_within_target",] == 4
    assert figures["cx_first_response_within_target_ratio",] == 0.8


def test_the_reply_may_arrive_before_the_ticket() -> None:
    """FRT-13: the figures are equal in both orders."""
    ticket, reply = created(NOW, stamp=NOW + HOUR), message(NOW + 9 * MINUTE, stamp=NOW + HOUR)
    assert seconds([reply, ticket]) == seconds([ticket, reply]) == 540
    assert seconds([reply]) is None


def test_an_immediate_reply_takes_exactly_zero() -> None:
    """A message of the same moment is ordered after the creation."""
    figures = metric_figures(METRIC, counted([message(NOW, event_id="a"), created(NOW, event_id="b")]), NOW)
    assert figures["cx_first_response_seconds", "0.5"] == figures[MEAN,] == 0
    assert figures["cx_first_responses_within_target",] == 1


def test_a_ticket_that_an_agent_opened_waits_from_the_customer_s_first_message() -> None:
    """Earlier messages of the agent are no response. Later messages of the customer open no cycle."""
    events = [
        created(NOW, opened_by="agent"),
        message(NOW + MINUTE, "agent"),
        message(NOW + HOUR, "customer"),
        message(NOW + HOUR + 2 * MINUTE, "agent"),
        message(NOW + 2 * HOUR, "customer"),
        message(NOW + 3 * HOUR, "agent"),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + DAY)
    assert (figures[MEAN,], figures["cx_first_responses",]) == (120, 1)


def test_the_customer_s_first_message_opens_nothing_while_a_cycle_is_open() -> None:
    """A reopening before it already opened the cycle. With a reply in between there are two cycles."""
    events = [
        created(NOW, opened_by="agent"),
        status(NOW + MINUTE, "solved"),
        status(NOW + 2 * MINUTE, "open"),
        message(NOW + 4 * MINUTE, "customer"),
        message(NOW + 5 * MINUTE, "agent"),
    ]
    assert seconds(events) == 180
    with_reply = counted([*events, message(NOW + 3 * MINUTE, "agent")])
    figures = metric_figures(METRIC, with_reply, NOW + DAY)
    assert (figures[MEAN,], figures["cx_first_responses",]) == (60, 2)


def test_a_reopening_discards_an_unended_cycle_and_opens_another() -> None:
    """The late reply ends the second cycle only."""
    events = [
        created(NOW),
        status(NOW + HOUR, "solved"),
        status(NOW + 2 * HOUR, "pending"),
        message(NOW + 2 * HOUR + MINUTE),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + DAY)
    assert (figures[MEAN,], figures["cx_first_responses",]) == (60, 1)


def test_a_reply_after_the_solve_ends_the_cycle() -> None:
    """A solve does not end the cycle."""
    assert seconds([created(NOW), status(NOW + HOUR, "solved"), message(NOW + 2 * HOUR)]) == 7200


def test_a_response_counts_at_the_time_of_the_reply() -> None:
    """It does not count at the time of the ticket."""
    partition = counted([created(NOW), message(NOW + 3 * HOUR)])
    assert metric_figures(METRIC, partition, NOW + 3 * HOUR, "1h")["cx_first_responses",] == 1
    assert metric_figures(METRIC, partition, NOW + HOUR, "1h")["cx_first_responses",] == 0


def test_the_target_is_that_of_channel_and_priority_at_the_reply() -> None:
    """The order is channel/priority, channel, */priority, default. A later change does not count."""
    targets = {
        "chat/urgent": ResponseTarget(MINUTE),
        "chat": ResponseTarget(2 * MINUTE),
        "*/urgent": ResponseTarget(3 * MINUTE),
    }

    def responses_within_target(wait: int, **dimensions: str) -> float:
        later = updated(NOW + DAY, channel="fax", priority="none")
        events = [created(NOW), updated(NOW + wait, **dimensions), message(NOW + wait), later]
        partition = counted(events, response_targets=targets, response_target=4 * MINUTE)
        return metric_figures(METRIC, partition, NOW + DAY)["cx_first_responses_within_target",]

    for limit, dimensions in {
        1: {"channel": "chat", "priority": "urgent"},
        2: {"channel": "chat", "priority": "low"},
        3: {"channel": "web", "priority": "urgent"},
        4: {"channel": "web"},
    }.items():
        assert responses_within_target(limit * MINUTE, **dimensions) == 1
        assert responses_within_target(limit * MINUTE + 1, **dimensions) == 0


def test_figures_have_the_dimensions_of_their_own_moment() -> None:
    """A change before the creation counts as far as the creation does not override it, a later one does not."""
    events = [
        updated(NOW - HOUR, channel="fax", touchpoint="shop"),
        created(NOW, channel="web"),
        message(NOW + MINUTE),
        updated(NOW + DAY, channel="chat"),
    ]
    for order in permutations(events):
        partition = counted([event._replace(stamp=NOW + DAY) for event in order])
        for view, value, n in (("channel", "chat", 0), ("channel", "web", 1), ("touchpoint", "shop", 1)):
            figures = metric_figures(METRIC, partition, NOW + DAY, view=view, values=(value,))
            assert figures["cx_first_responses",] == n
