"""Fates of contact cycles, in worked cases. The target is one hour unless a case says otherwise."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import first_response, waiting
from stream.core.metrics.contact_cycles import METRIC
from stream.core.model.response_targets import ResponseTarget
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    handled,
    handoff,
    merged,
    message,
    metric_figures,
    one_by_one,
    status,
    updated,
)
from tests.core.model.test_business_hours import at, calendar
from tests.support import DAY, HOUR, MINUTE, NOW, Event

T = NOW // HOUR * HOUR + 7 * MINUTE
"""When tickets are created: seven minutes past an hour. Their target passes in the middle of a quarter-hour."""
OVERDUE = T + HOUR
Fates = tuple[float, float]
"""Cycles in time, and overdue ones."""


def fates(
    events_or_task: list[Event] | PartitionTask, now: int, window: str = "24h", **options: Any
) -> Fates:
    """Return the numbers of a window. `options` are a view and its values, and changes of the settings."""
    filters = {name: options.pop(name) for name in ("view", "values") if name in options}
    partition = counted(events_or_task, **options) if isinstance(events_or_task, list) else events_or_task
    by_fate = metric_figures(METRIC, partition, now, window, **filters)
    return by_fate["cx_contact_cycles_due", "in_time"], by_fate["cx_contact_cycles_due", "overdue"]


@pytest.mark.parametrize("window", ["5m", "1h", "24h", "7d", "30d"])
def test_a_cycle_is_overdue_from_the_minute_on_in_which_its_target_passes(window: str) -> None:
    """Although nothing happens then, and in windows of quarter-hours and hours, too."""
    partition = counted([created(T)])
    assert fates(partition, T, window) == (0, 0)
    assert fates(partition, OVERDUE - 1, window) == (0, 0)
    assert fates(partition, OVERDUE, window) == (0, 1)
    assert fates(partition, OVERDUE + 4 * MINUTE, window) == (0, 1)


def test_a_reply_in_time_counts_at_its_moment() -> None:
    """Exactly at the target is in time, and the cycle is not overdue later."""
    events = [created(T), message(OVERDUE)]
    assert fates(events, OVERDUE, "5m") == (1, 0)
    assert fates(events, OVERDUE + 20 * MINUTE, "24h") == (1, 0)
    assert fates([created(T), message(T + MINUTE)], OVERDUE + HOUR, "24h") == (1, 0)


def test_a_late_reply_changes_nothing() -> None:
    """The cycle stays overdue at the minute of its target."""
    events = [created(T), message(OVERDUE + 1)]
    assert fates(events, OVERDUE + 30 * MINUTE, "24h") == (0, 1)
    assert fates([created(T), message(T + 5 * HOUR)], T + 5 * HOUR, "1h") == (0, 0)


def test_the_first_handled_interaction_ends_a_cycle_at_its_start() -> None:
    """A cycle that opens during a call is in time at once. Bots, notes and handoffs end nothing."""
    call = handled(OVERDUE + 10 * MINUTE, 900, ticket_id="t")
    assert fates([created(T), call], OVERDUE + HOUR) == (1, 0)
    during = handled(T + MINUTE, 300, ticket_id="t")
    assert fates([created(T), during], T + MINUTE, "5m") == (1, 0)
    others = [message(T + MINUTE, "bot"), message(T + MINUTE, public=False), handoff(T + MINUTE)]
    assert fates([created(T), *others], OVERDUE + HOUR) == (0, 1)


def test_a_solve_ends_the_wait() -> None:
    """Before the target nothing is overdue, after it the cycle stays so."""
    assert fates([created(T), status(OVERDUE, "solved", by="bot")], OVERDUE + HOUR) == (0, 0)
    assert fates([created(T), status(OVERDUE + 1, "solved")], OVERDUE + HOUR) == (0, 1)


def test_a_contact_after_the_solve_is_judged_at_its_moment() -> None:
    """As its first response is. It was not waited for while the ticket was solved."""
    solved = [created(T), status(T + MINUTE, "solved")]
    assert fates([*solved, message(T + 2 * MINUTE)], OVERDUE + HOUR) == (1, 0)
    late = [*solved, message(T + 3 * HOUR)]
    assert fates(late, T + 3 * HOUR, "5m") == (0, 1)
    assert fates(late, T + 3 * HOUR - MINUTE) == (0, 0)


def test_a_reopening_discards_a_cycle_and_opens_one() -> None:
    """One that was overdue stays so."""
    early = [created(T), status(T + MINUTE, "solved"), status(T + 2 * HOUR, "open")]
    assert fates(early, T + 3 * HOUR) == (0, 1)
    assert fates(early, T + 3 * HOUR - MINUTE) == (0, 0)
    late = [created(T), status(T + 2 * HOUR, "solved"), status(T + 3 * HOUR, "open")]
    assert fates(late, T + 4 * HOUR) == (0, 2)
    assert fates([*late, message(T + 3 * HOUR + MINUTE)], T + 4 * HOUR) == (1, 1)


def test_next_responses_have_no_target() -> None:
    """A customer who writes again after an answer waits in no contact cycle."""
    events = [created(T), message(T + MINUTE), message(T + 2 * MINUTE, "customer")]
    assert fates(events, T + 9 * HOUR) == (1, 0)


def test_a_ticket_of_an_agent_opens_a_cycle_with_the_customer_s_first_message() -> None:
    """Also while it is solved, when nobody waits in it."""
    events = [created(T, opened_by="agent"), message(T + 2 * HOUR, "customer")]
    assert fates(events, T + 3 * HOUR) == (0, 1)
    solved = [*events, status(T + HOUR, "solved")]
    assert fates(solved, T + 9 * HOUR) == (0, 0)
    assert fates([*solved, message(T + 2 * HOUR + MINUTE)], T + 9 * HOUR) == (1, 0)


def test_merged_and_deleted_tickets_go() -> None:
    """Those that were overdue, too. A ticket without creation is none."""
    for gone in (merged, deleted):
        assert fates([created(T), gone(T + 2 * HOUR)], T + 3 * HOUR) == (0, 0)
        assert fates([created(T), message(T + MINUTE), gone(T + 2 * HOUR)], T + 3 * HOUR) == (0, 0)
    assert fates([message(T, "customer")], T + 3 * HOUR) == (0, 0)


def test_a_note_that_is_made_public_later_answers_at_that_copy() -> None:
    note = message(T + MINUTE, message_id="m", public=False)
    public = message(T + 2 * HOUR, message_id="m")
    assert fates([created(T), note, public], T + 3 * HOUR) == (0, 1)
    assert fates([created(T), note, message(T + 30 * MINUTE, message_id="m")], T + 3 * HOUR) == (1, 0)


def test_dimensions_and_target_are_those_of_the_moment() -> None:
    """A transfer does not move a cycle that is overdue, nor does a reply."""
    events = [
        created(T, channel="web"),
        updated(OVERDUE - MINUTE, channel="chat"),
        updated(OVERDUE + MINUTE, channel="phone"),
        message(OVERDUE + 2 * MINUTE),
    ]
    for channel, overdue in (("web", 0), ("chat", 1), ("phone", 0)):
        assert fates(events, T + 3 * HOUR, view="channel", values=(channel,)) == (0, overdue)


def test_a_shorter_target_can_be_passed_at_once() -> None:
    """At the update. A longer one comes too late for a cycle that is overdue, and in time for one that is not."""
    targets = {"*/urgent": ResponseTarget(10 * MINUTE), "*/low": ResponseTarget(5 * HOUR)}
    urgent = [created(T), updated(T + 30 * MINUTE, priority="urgent")]
    assert fates(urgent, T + 30 * MINUTE, "5m", response_targets=targets) == (0, 1)
    assert fates(urgent, T + 29 * MINUTE, response_targets=targets) == (0, 0)
    low = [created(T), updated(T + 30 * MINUTE, priority="low"), message(T + 4 * HOUR)]
    assert fates(low, T + 9 * HOUR, response_targets=targets) == (1, 0)
    too_late = [created(T), updated(T + 2 * HOUR, priority="low"), message(T + 3 * HOUR)]
    assert fates(too_late, T + 9 * HOUR, response_targets=targets) == (0, 1)
    for_a_while = [*urgent, updated(T + 31 * MINUTE, priority="low"), message(T + 32 * MINUTE)]
    assert fates(for_a_while, T + 9 * HOUR, response_targets=targets) == (0, 1)
    before = [created(T, priority="low"), updated(T + 5 * MINUTE, priority="urgent"), message(T + 6 * MINUTE)]
    assert fates(before, T + 9 * HOUR, response_targets=targets) == (1, 0)


BUSINESS: dict[str, Any] = {
    "calendars": (calendar(channels=("web",)),),
    "response_targets": {"web": ResponseTarget(2 * HOUR, "business")},
}
"""Monday to Friday from 9 to 18 in Rome, for the web. Two hours of these."""


def test_a_target_in_business_hours_passes_in_business_hours() -> None:
    """Friday 17:00 with two hours is over on Monday at 10:00, on the phone on Friday at 18:00."""
    friday, monday = at("2026-01-09 17:00"), at("2026-01-12 10:00")
    web = counted([created(friday, channel="web")], **BUSINESS)
    assert fates(web, monday - 1, "7d") == (0, 0)
    assert fates(web, monday, "7d") == (0, 1)
    phone = counted([created(friday, channel="phone")], **BUSINESS)
    assert fates(phone, friday + HOUR, "7d") == (0, 1)


def test_a_holiday_delays_the_target() -> None:
    """Monday is one."""
    friday = at("2026-01-09 17:00")
    closed = BUSINESS | {"calendars": (calendar(holidays=(date(2026, 1, 12),)),)}
    events = [created(friday, channel="web")]
    assert fates(events, at("2026-01-12 18:00"), "7d", **closed) == (0, 0)
    assert fates(events, at("2026-01-13 10:00"), "7d", **closed) == (0, 1)


def test_a_target_that_ends_with_a_shift_passes_with_the_next_one() -> None:
    """A reply at night or at the beginning of the shift is within target, and nobody waits over target before."""
    evening, night, morning = at("2026-01-08 16:00"), at("2026-01-08 23:00"), at("2026-01-09 09:00")
    events = [created(evening, channel="web")]
    partition = counted(events, **BUSINESS)
    assert fates(partition, night) == (0, 0)
    assert fates(partition, morning - 1) == (0, 0)
    assert fates(partition, morning) == (0, 1)
    for now, over in ((night, 0), (morning, 0), (morning + MINUTE, 1)):
        assert metric_figures(waiting.METRIC, partition, now)["cx_waiting_over_target_tickets",] == over
    for reply, within in ((night, 1), (morning, 1), (morning + 1, 0)):
        replied = counted([*events, message(reply)], **BUSINESS)
        assert fates(replied, morning + HOUR) == (within, 1 - within)
        responses = metric_figures(first_response.METRIC, replied, morning + HOUR, "24h")
        assert responses["cx_first_responses_within_target",] == within


def test_a_calendar_without_hours_never_makes_a_cycle_overdue() -> None:
    """A reply is in time."""
    never = BUSINESS | {"calendars": (calendar(days="_______"),)}
    events = [created(T, channel="web")]
    assert fates(events, T + 20 * DAY, "30d", **never) == (0, 0)
    assert fates([*events, message(T + 9 * DAY)], T + 20 * DAY, "30d", **never) == (1, 0)


def test_a_rebuild_judges_the_past_by_the_present_target() -> None:
    """As first responses are."""
    events = [created(T), message(T + 30 * MINUTE)]
    assert fates(events, T + HOUR, response_target=HOUR) == (1, 0)
    assert fates(events, T + HOUR, response_target=10 * MINUTE) == (0, 1)


def test_any_order_of_reading_gives_the_same_panes() -> None:
    """Two cycles, an update to a shorter target and one to a longer, with a flush after each event."""
    targets = {"*/urgent": ResponseTarget(10 * MINUTE), "*/low": ResponseTarget(5 * HOUR)}
    end = T + 9 * HOUR
    history = [
        created(T, stamp=end),
        updated(T + 20 * MINUTE, priority="urgent", stamp=end),
        status(T + 30 * MINUTE, "solved", stamp=end),
        status(T + 2 * HOUR, "open", stamp=end),
        updated(T + 2 * HOUR, priority="low", stamp=end),
        message(T + 6 * HOUR, stamp=end),
    ]
    expected = counted(history, response_targets=targets)
    assert fates(expected, end) == (1, 1)
    for order in permutations(history):
        assert one_by_one(order, response_targets=targets).panes.blocks == expected.panes.blocks


def test_a_restart_before_the_target_passes_loses_nothing() -> None:
    """What is due is in the panes, not in a timer."""
    partition = counted([created(T)])
    restored = counted([])
    for key, raw in partition.store.entities.items():
        restored.restore_state(key, raw)
    restored.panes = partition.panes
    restored.finish_restore()
    assert fates(restored, OVERDUE) == (0, 1)
    restored.process([], OVERDUE + DAY)
    restored.prepare_flush(OVERDUE + DAY, 0)
    assert fates(restored, OVERDUE + DAY, "30d") == (0, 1)
