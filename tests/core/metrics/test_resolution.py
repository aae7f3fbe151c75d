"""Resolution times, reopenings and open tickets in worked cases."""

from datetime import UTC, datetime

from schemas.times import to_ms
from stream.core.metrics.resolution import METRIC
from tests.core.aggregation.tickets.events import counted, created, merged, message, metric_figures, status
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND

MEAN = "cx_resolution_mean_seconds"


def test_first_and_full_resolution_and_reopenings() -> None:
    """ART-1: first 6 h, full 18 h, one reopening. Open tickets are in no mean."""
    events = [
        created(NOW, "a"),
        status(NOW + 10 * HOUR, "solved", "a"),
        created(NOW, "b"),
        status(NOW + 2 * HOUR, "solved", "b"),
        status(NOW + 24 * HOUR, "open", "b"),
        status(NOW + 26 * HOUR, "solved", "b"),
        created(NOW, "c"),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + 26 * HOUR)
    assert (figures[MEAN, "first"], figures[MEAN, "full"]) == (6 * 3600, 18 * 3600)
    assert (figures["cx_resolved_tickets", "first"], figures["cx_resolved_tickets", "full"]) == (2, 2)
    assert figures["cx_reopenings",] == 1
    assert figures["cx_open_tickets",] == 1
    assert 0 <= figures["cx_open_oldest_seconds",] - 26 * 3600 < 60


def test_full_counts_only_while_resolved_and_first_always() -> None:
    """After a reopening the last solve does not count, the first one does."""
    events = [created(NOW), status(NOW + HOUR, "solved"), status(NOW + 2 * HOUR, "on_hold")]
    figures = metric_figures(METRIC, counted(events), NOW + 3 * HOUR)
    assert (figures["cx_resolved_tickets", "first"], figures["cx_resolved_tickets", "full"]) == (1, 0)
    assert (MEAN, "full") not in figures
    assert figures["cx_open_tickets",] == 1


def test_a_resolution_counts_at_the_time_of_the_solve() -> None:
    """ART-3: created on 31 January at 23:00, solved on 1 February at 01:00."""
    january = to_ms(datetime(2026, 1, 31, 23, tzinfo=UTC))
    partition = counted([created(january), status(january + 2 * HOUR, "solved")])
    assert (
        metric_figures(METRIC, partition, january + HOUR - MINUTE, "1h")["cx_resolved_tickets", "full"] == 0
    )
    assert metric_figures(METRIC, partition, january + 2 * HOUR, "1h")["cx_resolved_tickets", "full"] == 1


def test_only_changes_between_open_and_solved_count() -> None:
    """Only changes between open and solved count. A message does not reopen a ticket."""
    events = [
        created(NOW),
        status(NOW + SECOND, "open"),
        status(NOW + MINUTE, "pending"),
        status(NOW + HOUR, "solved"),
        message(NOW + 2 * HOUR, "customer"),
        status(NOW + 3 * HOUR, "closed"),
    ]
    figures = metric_figures(METRIC, counted(events), NOW + DAY)
    assert figures[MEAN, "full"] == 3600
    assert figures["cx_reopenings",] == 0
    assert figures["cx_open_tickets",] == 0
    assert ("cx_open_oldest_seconds",) not in figures


def test_events_before_the_creation_are_ignored() -> None:
    """A ticket solved before its creation is open."""
    figures = metric_figures(METRIC, counted([status(NOW - 1, "solved"), created(NOW)]), NOW)
    assert (figures["cx_resolved_tickets", "first"], figures["cx_open_tickets",]) == (0, 1)


def test_the_first_creation_counts() -> None:
    """In any order of arrival."""
    late, early = created(NOW + HOUR, stamp=NOW + DAY), created(NOW, stamp=NOW + DAY)
    solved = status(NOW + 2 * HOUR, "solved", stamp=NOW + DAY)
    for order in ([late, solved, early], [early, late, solved]):
        assert metric_figures(METRIC, counted(order), NOW + DAY)[MEAN, "full"] == 7200


def test_a_merged_ticket_is_removed_from_every_figure() -> None:
    """Also when the merge arrives first or is the earliest event."""
    for at in (NOW - HOUR, NOW + DAY):
        merge = merged(at, stamp=NOW + DAY)
        others = [created(NOW, stamp=NOW + DAY), status(NOW + HOUR, "solved", stamp=NOW + DAY)]
        for order in ([merge, *others], [*others, merge]):
            figures = metric_figures(METRIC, counted(order), NOW + DAY)
            assert not any(figures.values())


def test_a_ticket_is_identified_by_its_id() -> None:
    """Events that name two customers are of one ticket."""
    events = [created(NOW, customer_id="a"), created(NOW, customer_id="b")]
    assert metric_figures(METRIC, counted(events), NOW)["cx_open_tickets",] == 1


def test_tickets_of_any_age_are_used() -> None:
    """A ticket opened six years ago and solved now took six years."""
    partition = counted([created(NOW - 2200 * DAY, stamp=NOW), status(NOW, "solved")])
    assert metric_figures(METRIC, partition, NOW)[MEAN, "full"] == 2200 * DAY / 1000


def test_closed_labels_are_shown_at_zero() -> None:
    """Counts of both stages are 0, quantiles and means are absent."""
    assert metric_figures(METRIC, counted([]), NOW) == {
        ("cx_resolved_tickets", "full"): 0,
        ("cx_resolved_tickets", "first"): 0,
        ("cx_reopenings",): 0,
        ("cx_unassisted_solved_tickets", "bot"): 0,
        ("cx_unassisted_solved_tickets", "timeout"): 0,
        ("cx_open_tickets",): 0,
        ("cx_orphan_tickets",): 0,
    }
