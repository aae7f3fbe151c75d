"""Waiting tickets, and those over target."""

from stream.core.metrics.waiting import METRIC
from stream.core.model.response_targets import ResponseTarget
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    message,
    metric_figures,
    status,
    updated,
)
from tests.core.model.test_business_hours import at, calendar
from tests.support import DAY, HOUR, MINUTE, NOW

MINUTE_START = NOW // MINUTE * MINUTE


def waiting(events: list, now: int, **changes: object) -> tuple[float, float, float | None]:
    figures = metric_figures(METRIC, counted(events, **changes), now)
    return (
        figures["cx_waiting_tickets",],
        figures["cx_waiting_over_target_tickets",],
        figures.get(("cx_waiting_oldest_seconds",)),
    )


def test_open_cycles_of_unresolved_tickets_wait() -> None:
    """Answered, solved and deleted tickets do not wait, nor those opened by an agent."""
    events = [
        created(MINUTE_START, "waits"),
        created(MINUTE_START, "answered"),
        message(MINUTE_START + 1, ticket="answered"),
        created(MINUTE_START, "solved"),
        status(MINUTE_START + 1, "solved", ticket="solved"),
        created(MINUTE_START, "deleted"),
        deleted(MINUTE_START + 1, "deleted"),
        created(MINUTE_START, "ours", opened_by="agent"),
        message(MINUTE_START + 1, "customer", "never created"),
    ]
    assert waiting(events, MINUTE_START + 10 * MINUTE) == (1, 0, 600)
    assert waiting(events[1:], MINUTE_START + 10 * MINUTE) == (0, 0, None)


def test_over_target_counts_within_a_minute_after_the_target() -> None:
    """A wait of exactly the target is within it."""
    events = [created(MINUTE_START + 500)]
    assert waiting(events, MINUTE_START + 500 + HOUR)[1] == 0
    assert waiting(events, MINUTE_START + HOUR + MINUTE)[1] == 1
    assert waiting([created(MINUTE_START)], MINUTE_START + HOUR)[1] == 0


def test_a_reopened_ticket_waits_from_the_reopening() -> None:
    """Also when it was answered before."""
    events = [
        created(MINUTE_START),
        message(MINUTE_START + MINUTE),
        status(MINUTE_START + HOUR, "solved"),
        status(MINUTE_START + 2 * HOUR, "open"),
    ]
    assert waiting(events, MINUTE_START + 2 * HOUR + 5 * MINUTE) == (1, 0, 300)


def test_the_target_depends_on_the_present_dimensions() -> None:
    """The target of an urgent ticket is shorter."""
    events = [created(MINUTE_START), updated(MINUTE_START + 1, priority="urgent")]
    targets = {"*/urgent": ResponseTarget(5 * MINUTE)}
    assert waiting(events, MINUTE_START + 7 * MINUTE, response_targets=targets)[1] == 1
    assert waiting(events[:1], MINUTE_START + 7 * MINUTE, response_targets=targets)[1] == 0


def test_a_target_in_business_hours_uses_the_calendar_of_the_ticket() -> None:
    """Friday 17:00 with a target of two hours is over on Monday 10:00, without a calendar on Friday 19:00."""
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


def test_a_target_in_calendar_time_ignores_calendars() -> None:
    """Friday 17:00 with a target of two hours is over at 19:00."""
    friday = at("2026-01-09 17:00")
    changes = {"response_targets": {"web": ResponseTarget(2 * HOUR)}, "calendars": (calendar(),)}
    assert waiting([created(friday, channel="web")], friday + 2 * HOUR + MINUTE, **changes)[1] == 1


def test_a_target_in_business_hours_without_hours_is_never_over() -> None:
    """A calendar without hours."""
    targets = {"web": ResponseTarget(HOUR, "business")}
    events = [created(MINUTE_START, channel="web")]
    assert waiting(
        events, MINUTE_START + 9 * DAY, response_targets=targets, calendars=(calendar(days="_______"),)
    )[:2] == (
        1,
        0,
    )


def test_waiting_tickets_outlast_every_window() -> None:
    """Open items are kept until they are zero."""
    partition = counted([created(MINUTE_START)])
    partition.checkpoint.watermark = MINUTE_START + 400 * DAY
    partition.prepare_flush(MINUTE_START + 400 * DAY, 0)
    assert (
        metric_figures(METRIC, partition, MINUTE_START + 400 * DAY)["cx_waiting_oldest_seconds",]
        == 400 * DAY / 1000
    )
