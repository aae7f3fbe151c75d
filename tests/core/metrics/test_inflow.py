"""Created tickets."""

from stream.core.metrics.inflow import METRIC
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    merged,
    message,
    metric_figures,
    updated,
)
from tests.support import HOUR, MINUTE, NOW


def by_party(*events: object, now: int = NOW, **filters: object) -> list[float]:
    """Return the tickets created by customers, agents, bots and systems in the last hour."""
    figures = metric_figures(METRIC, counted(events), now, "1h", **filters)  # type: ignore[arg-type]
    return [figures["cx_created_tickets", party] for party in ("customer", "agent", "bot", "system")]


def test_tickets_by_who_opened_them() -> None:
    """Whoever it was. One without a creation is none."""
    events = [
        created(NOW, "a"),
        created(NOW, "b", opened_by="agent"),
        created(NOW, "c", opened_by="bot"),
        created(NOW, "d", opened_by="system"),
        created(NOW, "e"),
        message(NOW, ticket="f"),
    ]
    assert by_party(*events) == [2, 1, 1, 1]
    assert by_party(*events, now=NOW + 2 * HOUR) == [0, 0, 0, 0]


def test_the_first_creation_counts_with_the_dimensions_then() -> None:
    """Neither a second one nor a later change moves it."""
    events = [
        updated(NOW - 2 * MINUTE, touchpoint="shop"),
        created(NOW - MINUTE, channel="web"),
        created(NOW, channel="phone", opened_by="agent"),
        updated(NOW, channel="chat"),
    ]
    assert by_party(*events) == [1, 0, 0, 0]
    assert by_party(*events, view="channel", values=("web",)) == [1, 0, 0, 0]
    assert by_party(*events, view="channel", values=("chat",)) == [0, 0, 0, 0]
    assert by_party(*events, view="touchpoint", values=("shop",)) == [1, 0, 0, 0]


def test_merged_and_deleted_tickets_go() -> None:
    assert by_party(created(NOW, "a"), merged(NOW, "a"), created(NOW, "b"), deleted(NOW, "b")) == [0, 0, 0, 0]
