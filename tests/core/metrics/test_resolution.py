"""Resolution times, reopenings, open tickets, against worked cases."""

from datetime import UTC, datetime

from schemas.times import to_ms
from stream.core.metrics.resolution import METRIC
from tests.core.aggregation.tickets.events import counted, created, merged, message, shown, status
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND

MEAN = "cx_resolution_mean_seconds"


def test_first_and_full_resolution_and_reopenings() -> None:
    """ART-1: first 6 h, full 18 h, one reopening; what is open is in no mean."""
    events = [
        created(NOW, "a"),
        status(NOW + 10 * HOUR, "solved", "a"),
        created(NOW, "b"),
        status(NOW + 2 * HOUR, "solved", "b"),
        status(NOW + 24 * HOUR, "open", "b"),
        status(NOW + 26 * HOUR, "solved", "b"),
        created(NOW, "c"),
    ]
    figures = shown(METRIC, counted(events), NOW + 26 * HOUR)
    assert (figures[MEAN, "first"], figures[MEAN, "full"]) == (6 * 3600, 18 * 3600)
    assert (figures["cx_resolved_tickets", "first"], figures["cx_resolved_tickets", "full"]) == (2, 2)
    assert figures["cx_reopenings",] == 1
    assert figures["cx_open_tickets",] == 1
    assert 0 <= figures["cx_open_oldest_seconds",] - 26 * 3600 < 60


def test_full_is_present_only_while_resolved_and_first_is_never_taken_back() -> None:
    """Reopened: the last solve no longer counts, the first one does."""
    events = [created(NOW), status(NOW + HOUR, "solved"), status(NOW + 2 * HOUR, "on_hold")]
    figures = shown(METRIC, counted(events), NOW + 3 * HOUR)
    assert (figures["cx_resolved_tickets", "first"], figures["cx_resolved_tickets", "full"]) == (1, 0)
    assert (MEAN, "full") not in figures
    assert figures["cx_open_tickets",] == 1


def test_it_is_counted_at_the_solve() -> None:
    """ART-3: created on 31 January at 23:00, solved on 1 February at 01:00."""
    january = to_ms(datetime(2026, 1, 31, 23, tzinfo=UTC))
    partition = counted([created(january), status(january + 2 * HOUR, "solved")])
    assert shown(METRIC, partition, january + HOUR - MINUTE, "1h")["cx_resolved_tickets", "full"] == 0
    assert shown(METRIC, partition, january + 2 * HOUR, "1h")["cx_resolved_tickets", "full"] == 1


def test_closed_after_solved_is_no_solve_and_pending_no_reopening_of_what_is_open() -> None:
    """Only steps count; a message alone reopens nothing."""
    events = [
        created(NOW),
        status(NOW + SECOND, "open"),
        status(NOW + MINUTE, "pending"),
        status(NOW + HOUR, "solved"),
        message(NOW + 2 * HOUR, "customer"),
        status(NOW + 3 * HOUR, "closed"),
    ]
    figures = shown(METRIC, counted(events), NOW + DAY)
    assert figures[MEAN, "full"] == 3600
    assert figures["cx_reopenings",] == 0
    assert figures["cx_open_tickets",] == 0
    assert ("cx_open_oldest_seconds",) not in figures


def test_what_sorts_before_the_creation_is_ignored() -> None:
    """Solved before it was created: open."""
    figures = shown(METRIC, counted([status(NOW - 1, "solved"), created(NOW)]), NOW)
    assert (figures["cx_resolved_tickets", "first"], figures["cx_open_tickets",]) == (0, 1)


def test_the_first_creation_counts() -> None:
    """Whatever order they come in."""
    late, early = created(NOW + HOUR, stamp=NOW + DAY), created(NOW, stamp=NOW + DAY)
    solved = status(NOW + 2 * HOUR, "solved", stamp=NOW + DAY)
    for order in ([late, solved, early], [early, late, solved]):
        assert shown(METRIC, counted(order), NOW + DAY)[MEAN, "full"] == 7200


def test_a_merged_ticket_leaves_every_figure_for_good() -> None:
    """Also when the merge comes first, and when it sorts first."""
    for at in (NOW - HOUR, NOW + DAY):
        gone = merged(at, stamp=NOW + DAY)
        rest = [created(NOW, stamp=NOW + DAY), status(NOW + HOUR, "solved", stamp=NOW + DAY)]
        for order in ([gone, *rest], [*rest, gone]):
            figures = shown(METRIC, counted(order), NOW + DAY)
            assert not any(figures.values())


def test_a_ticket_is_known_by_key_and_id() -> None:
    """Two customers' tickets of one id are two."""
    events = [created(NOW, customer_id="a"), created(NOW, customer_id="b")]
    assert shown(METRIC, counted(events), NOW)["cx_open_tickets",] == 2


def test_tickets_of_any_age_are_used() -> None:
    """Opened six years ago, solved now: an age of six years."""
    partition = counted([created(NOW - 2200 * DAY, stamp=NOW), status(NOW, "solved")])
    assert shown(METRIC, partition, NOW)[MEAN, "full"] == 2200 * DAY / 1000


def test_closed_labels_are_shown_at_zero() -> None:
    """Both stages, without any ticket; no quantile and no mean."""
    assert shown(METRIC, counted([]), NOW) == {
        ("cx_resolved_tickets", "full"): 0,
        ("cx_resolved_tickets", "first"): 0,
        ("cx_reopenings",): 0,
        ("cx_open_tickets",): 0,
    }
