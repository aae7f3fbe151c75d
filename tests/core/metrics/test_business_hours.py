"""First response and resolution in business hours, in worked cases."""

import pytest

from stream.core.metrics import first_response
from stream.core.metrics.business_hours import METRIC
from stream.core.model.response_targets import ResponseTarget
from tests.core.aggregation.tickets.events import counted, created, message, metric_figures, status, updated
from tests.core.model.test_business_hours import GOLDEN, at, calendar
from tests.support import DAY, HOUR

MEAN, RATIO = "cx_first_response_business_mean_seconds", "cx_first_response_business_within_target_ratio"
CALENDAR_TIME = {"FRT-1": 234_000, "FRT-2": 169_200, "FRT-4": 6_300, "FRT-6": 100_800}


@pytest.mark.parametrize("case", GOLDEN)
def test_worked_cases(case: str) -> None:
    """Figures in calendar time do not change. A response outside of business hours takes 0 s."""
    start, end, hours, expected = GOLDEN[case]
    partition = counted([created(at(start)), message(at(end))], calendars=(hours,))
    figures = metric_figures(METRIC, partition, at(end))
    assert figures[MEAN,] == expected
    assert figures["cx_first_response_business_seconds", "0.5"] == pytest.approx(expected, rel=0.01)
    calendar_time = metric_figures(first_response.METRIC, partition, at(end))
    assert calendar_time["cx_first_response_mean_seconds",] == CALENDAR_TIME[case.split(maxsplit=1)[0]]


def test_resolution_by_stage() -> None:
    """Friday 17:00 to Monday 10:00, then to Tuesday 10:00."""
    events = [
        created(at("2026-01-09 17:00")),
        status(at("2026-01-12 10:00"), "solved"),
        status(at("2026-01-12 11:00"), "open"),
        status(at("2026-01-13 10:00"), "closed"),
    ]
    figures = metric_figures(METRIC, counted(events, calendars=(calendar(),)), at("2026-01-13 10:00"))
    assert figures["cx_resolution_business_mean_seconds", "first"] == 2 * 3600
    assert figures["cx_resolution_business_mean_seconds", "full"] == 11 * 3600


def test_the_share_within_target_uses_business_time() -> None:
    """A weekend with two business hours is within a target of four, also in calendar time only if it says so."""
    events = [created(at("2026-01-09 17:00"), channel="web"), message(at("2026-01-12 10:00"))]
    now = at("2026-01-12 10:00")
    for hours, within in (("business", 1), ("calendar", 0)):
        target = ResponseTarget(4 * HOUR, hours)  # type: ignore[arg-type]  # both are allowed
        partition = counted(events, calendars=(calendar(),), response_targets={"web": target})
        assert metric_figures(METRIC, partition, now)[RATIO,] == 1
        figures = metric_figures(first_response.METRIC, partition, now)
        assert figures["cx_first_response_within_target_ratio",] == within


def test_only_tickets_with_a_calendar_count() -> None:
    """The team at the reply decides, not a later one."""
    start = at("2026-01-12 10:00")
    events = [created(start), message(start + HOUR)]
    office = calendar(teams=("north",))
    later = counted([*events, updated(start + DAY, team="north")], calendars=(office,))
    assert set(metric_figures(METRIC, later, start + DAY).values()) == {0}
    reassigned = counted([*events, updated(start + HOUR, team="north")], calendars=(office,))
    assert metric_figures(METRIC, reassigned, start + DAY)[MEAN,] == 3600


def test_without_calendars_there_are_no_series() -> None:
    """Neither series nor cells."""
    partition = counted([created(at("2026-01-12 10:00")), message(at("2026-01-12 11:00"))])
    assert metric_figures(METRIC, partition, at("2026-01-12 11:00")) == {}
    assert "business" not in {key.cell.aggregate for key in partition.panes.blocks}
