"""Who waits now, and who too long."""

from stream.core.metrics.waiting import METRIC
from stream.core.model.response_targets import ResponseTarget
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    message,
    shown,
    status,
    updated,
)
from tests.core.model.test_business_hours import at, calendar
from tests.support import DAY, HOUR, MINUTE, NOW

EDGE = NOW // MINUTE * MINUTE


def waiting(events: list, now: int, **changes: object) -> tuple[float, float, float | None]:
    figures = shown(METRIC, counted(events, **changes), now)
    return (
        figures["cx_waiting_tickets",],
        figures["cx_waiting_over_target_tickets",],
        figures.get(("cx_waiting_oldest_seconds",)),
    )


def test_open_cycles_of_unresolved_tickets_wait() -> None:
    """Not those that were answered, solved, deleted, or opened by an agent."""
    events = [
        created(EDGE, "waits"),
        created(EDGE, "answered"),
        message(EDGE + 1, ticket="answered"),
        created(EDGE, "solved"),
        status(EDGE + 1, "solved", ticket="solved"),
        created(EDGE, "deleted"),
        deleted(EDGE + 1, "deleted"),
        created(EDGE, "ours", opened_by="agent"),
        message(EDGE + 1, "customer", "never created"),
    ]
    assert waiting(events, EDGE + 10 * MINUTE) == (1, 0, 600)
    assert waiting(events[1:], EDGE + 10 * MINUTE) == (0, 0, None)


def test_over_target_is_seen_within_a_minute_of_the_target_and_never_before() -> None:
    """Exactly at the target it is within."""
    events = [created(EDGE + 500)]
    assert waiting(events, EDGE + 500 + HOUR)[1] == 0
    assert waiting(events, EDGE + HOUR + MINUTE)[1] == 1
    assert waiting([created(EDGE)], EDGE + HOUR)[1] == 0


def test_a_reopened_ticket_waits_from_the_reopening() -> None:
    """Also when it had been answered before."""
    events = [
        created(EDGE),
        message(EDGE + MINUTE),
        status(EDGE + HOUR, "solved"),
        status(EDGE + 2 * HOUR, "open"),
    ]
    assert waiting(events, EDGE + 2 * HOUR + 5 * MINUTE) == (1, 0, 300)


def test_the_target_is_that_of_the_present_dimensions() -> None:
    """An urgent ticket is over sooner."""
    events = [created(EDGE), updated(EDGE + 1, priority="urgent")]
    targets = {"*/urgent": ResponseTarget(5 * MINUTE)}
    assert waiting(events, EDGE + 7 * MINUTE, response_targets=targets)[1] == 1
    assert waiting(events[:1], EDGE + 7 * MINUTE, response_targets=targets)[1] == 0


def test_a_target_in_business_hours_goes_by_the_ticket_s_calendar() -> None:
    """Friday 17:00 with two hours to answer: over on Monday at 10:00; without a calendar on Friday at 19:00."""
    friday, monday = at("2026-01-09 17:00"), at("2026-01-12 10:00")
    office = calendar(channels=("web",))
    changes = {
        "response_targets": {
            "web": ResponseTarget(2 * HOUR, "business"),
            "fax": ResponseTarget(2 * HOUR, "business"),
        }
    }
    web, fax = created(friday, channel="web"), created(friday, channel="fax")
    assert waiting([web], monday, calendars=(office,), **changes) == (1, 0, (monday - friday) / 1000)
    assert waiting([web], monday + 2 * MINUTE, calendars=(office,), **changes)[1] == 1
    assert waiting([fax], friday + 2 * HOUR + 2 * MINUTE, calendars=(office,), **changes)[1] == 1


def test_a_target_in_calendar_time_stays_so_where_a_calendar_holds() -> None:
    """Friday 17:00 with two hours to answer: over at 19:00, closed or not."""
    friday = at("2026-01-09 17:00")
    changes = {"response_targets": {"web": ResponseTarget(2 * HOUR)}, "calendars": (calendar(),)}
    assert waiting([created(friday, channel="web")], friday + 2 * HOUR + MINUTE, **changes)[1] == 1


def test_a_target_that_no_business_hour_will_meet_is_never_passed() -> None:
    """A calendar without hours."""
    targets = {"web": ResponseTarget(HOUR, "business")}
    events = [created(EDGE, channel="web")]
    assert waiting(events, EDGE + 9 * DAY, response_targets=targets, calendars=(calendar(days="_______"),))[
        :2
    ] == (
        1,
        0,
    )


def test_a_wait_outlasts_every_window() -> None:
    """Standing figures are kept until they are zero."""
    partition = counted([created(EDGE)])
    partition.checkpoint.watermark = EDGE + 400 * DAY
    partition.prepare_flush(EDGE + 400 * DAY, 0)
    assert shown(METRIC, partition, EDGE + 400 * DAY)["cx_waiting_oldest_seconds",] == 400 * DAY / 1000
