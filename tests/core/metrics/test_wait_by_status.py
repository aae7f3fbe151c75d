"""Requester wait, agent wait and time on hold."""

import pytest

from stream.core.metrics.wait_by_status import METRIC
from tests.core.aggregation.tickets.events import counted, created, metric_figures, status, updated
from tests.support import DAY, HOUR, NOW

NAMES = ("cx_requester_wait_mean_seconds", "cx_agent_wait_mean_seconds", "cx_on_hold_mean_seconds")
START = NOW - 2 * DAY


def hours(*events: object, **filters: object) -> list[float]:
    """Return requester wait, agent wait and time on hold in hours."""
    figures = metric_figures(METRIC, counted(events), NOW, **filters)  # type: ignore[arg-type]
    return [figures[name,] / 3600 for name in NAMES]


HISTORY = [
    created(START, channel="web"),
    status(START + 1 * HOUR, "open"),
    status(START + 3 * HOUR, "pending"),
    status(START + 8 * HOUR, "on_hold"),
    status(START + 9 * HOUR, "open"),
    status(START + 10 * HOUR, "solved"),
]


def test_a_ticket_through_every_status() -> None:
    """ART-2: 5 h, 5 h and 1 h."""
    assert hours(*HISTORY) == [5, 5, 1]


def test_means_are_over_all_resolved_tickets() -> None:
    """One that was never pending counts with 0 h. An open one does not count."""
    other = [created(START, "u"), status(START + HOUR, "solved", "u"), created(START, "v")]
    assert hours(*HISTORY, *other) == [3, 2.5, 0.5]


def test_time_solved_is_nobodys() -> None:
    """Two hours solved, one hour open, then solved for good, with the dimensions then."""
    events = [
        *HISTORY,
        status(START + 12 * HOUR, "open"),
        updated(START + 12 * HOUR, channel="chat"),
        status(START + 13 * HOUR, "closed"),
    ]
    assert hours(*events, view="channel", values=("chat",)) == [6, 5, 1]
    assert metric_figures(METRIC, counted(events), NOW, view="channel", values=("web",)) == {}


def test_a_reopened_ticket_does_not_count() -> None:
    assert metric_figures(METRIC, counted([*HISTORY, status(NOW, "open")]), NOW) == {}


def test_quantiles_are_of_requester_wait() -> None:
    """Of 5 h and 1 h."""
    events = [*HISTORY, created(START, "u"), status(START + HOUR, "solved", "u")]
    figures = metric_figures(METRIC, counted(events), NOW)
    assert figures["cx_requester_wait_seconds", "0.5"] == pytest.approx(3_600, rel=0.01)
    assert figures["cx_requester_wait_seconds", "0.99"] == pytest.approx(18_000, rel=0.01)
