"""Joined figures after an erasure: the present life goes, finished counts stay, later events begin anew."""

import pytest

from tests.core.aggregation.pipeline import Pipeline, Series
from tests.definitions.joined import differences, joined_figures
from tests.definitions.joined_cases import (
    SETTINGS,
    ago,
    bought,
    csat,
    event,
    leaving,
    nps,
    off,
    on,
    reply,
    status,
    ticket,
    values,
    without,
)
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.test_joined import env
from tests.support import NOW

Counts = dict[str, float]


def erased(at: int, customer: str = "c") -> JoinedEvent:
    return event("erased", at, customer_id=customer)


def series_in_order(*events: JoinedEvent, partitions: int = 1) -> Series:
    """Return the series of events that are read on all topics one after the other, as the oracle has them, too."""
    pipeline = Pipeline(partitions, **env(SETTINGS))
    for published in events:
        pipeline.publish(published.wire(), published.stamp, key=published.id)
        pipeline.run()
    expected = joined_figures(events, NOW, SETTINGS)
    assert differences(expected, pipeline.series(NOW)) == []
    return expected


def by_class(series: Series, what: str, **labels: str) -> Counts:
    return values(series, f"cx_class_{what}", "class", survey="nps", **labels)


def ticket_answers(series: Series) -> Counts:
    """Return the answers by fate, satisfied ones only."""
    return values(series, "cx_ticket_csat_responses", "first_response", satisfied="true")


CASES: dict[str, tuple[list[JoinedEvent], Counts, Counts, Counts]] = {
    "the present life goes with its entries": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(3), 0, "f2"), erased(NOW)],
        {},
        {},
        {},
    ),
    "others stay": (
        [on(ago(20)), on(ago(20), "d"), nps(ago(10), 9), nps(ago(9), 9, "g", "d"), erased(NOW)],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "a finished life stays with its churn and entries": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(3), 0, "f2"), off(ago(2)), erased(NOW)],
        {},
        {"detractor": 1},
        {"promoter": 1, "detractor": 1},
    ),
    "of two lives the finished one stays": (
        [on(ago(20)), nps(ago(10), 9, "f1"), off(ago(3)), on(ago(2)), nps(ago(1), 0, "f2"), erased(NOW)],
        {},
        {"promoter": 1},
        {"promoter": 1},
    ),
    "a return after the erasure begins without a class": (
        [on(ago(20)), nps(ago(10), 9), off(ago(5)), erased(ago(4)), on(ago(3)), off(ago(2))],
        {},
        {"promoter": 1, "none": 1},
        {"promoter": 1, "none": 1},
    ),
    "a return gets a class by new answers only": (
        [on(ago(20)), nps(ago(10), 9), erased(ago(4)), on(ago(3)), nps(ago(3), 7, "g")],
        {"passive": 1},
        {},
        {"passive": 1},
    ),
    "events of before the erasure that are read later are dropped": (
        [on(ago(20)), erased(ago(4)), nps(ago(5), 9), off(ago(4)), on(ago(3)), nps(ago(4), 0, "g")],
        {"none": 1},
        {},
        {"none": 1},
    ),
    "events of after it that were read before are gone, too": (
        [on(ago(20)), off(ago(3)), on(ago(2)), nps(ago(2), 9), erased(ago(4)), on(ago(1))],
        {"none": 1},
        {"none": 1},
        {"none": 2},
    ),
    "an edit that names nobody does not bring an erased answer back": (
        [
            *(on(ago(20)), nps(ago(10), 9), erased(ago(4)), on(ago(3))),
            nps(ago(2), 0, customer=None, revision=1),
        ],
        {"none": 1},
        {},
        {"none": 1},
    ),
    "an edit that names the customer begins a new answer at its own time": (
        [on(ago(20)), nps(ago(10), 9), erased(ago(4)), on(ago(3)), nps(ago(2), 0, revision=1)],
        {"detractor": 1},
        {},
        {"none": 1, "detractor": 1},
    ),
    "an edit of before the erasure changes an answer of after it": (
        [
            *(on(ago(20)), erased(ago(4)), on(ago(3)), nps(ago(2), 9)),
            nps(ago(5), 0, customer=None, revision=1),
        ],
        {"detractor": 1},
        {},
        {"detractor": 1},
    ),
    "a deletion of before the erasure removes an answer of after it": (
        [on(ago(20)), erased(ago(4)), on(ago(3)), nps(ago(2), 9), without(ago(5))],
        {"none": 1},
        {},
        {"none": 1},
    ),
    "an answer that moved to another customer stays": (
        [on(ago(20)), on(ago(20), "d"), nps(ago(10), 9), nps(ago(9), 9, customer="d"), erased(NOW)],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "an older erasure is a duplicate": (
        [erased(ago(4)), on(ago(3)), nps(ago(3), 9), erased(ago(4)), erased(ago(5))],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
}


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize(("events", "customers", "churned", "exposed"), CASES.values(), ids=CASES)
def test_lives(
    events: list[JoinedEvent], customers: Counts, churned: Counts, exposed: Counts, partitions: int
) -> None:
    """Customers now, and churns and exposed of the window of 7 d, by NPS class."""
    series = series_in_order(*events, partitions=partitions)
    assert by_class(series, "customers") == customers
    assert by_class(series, "churned_customers") == churned
    assert by_class(series, "exposed_customers") == exposed


def test_money_stays_where_it_was_counted() -> None:
    """In the view of the dimensions then. It leaves CLV together with the present life."""
    series = series_in_order(
        on(ago(20), channel="web"),
        nps(ago(10), 9),
        bought(ago(5), 700),
        erased(ago(3)),
        on(ago(2), channel="chat"),
        bought(ago(1), 300),
    )
    assert by_class(series, "revenue", currency="EUR") == {"promoter": 7, "none": 3}
    assert by_class(series, "revenue", currency="EUR", view="channel", channel="web") == {"promoter": 7}
    clv = values(series, "cx_class_clv_historical_mean", "class", survey="nps", currency="EUR")
    assert clv == {"none": 3}


def test_exit_reasons_stay() -> None:
    """An exit answer of before the erasure does not belong to a churn of after it."""
    series = series_in_order(
        *(on(ago(20)), off(ago(5)), leaving(ago(5), "price"), erased(ago(4))),
        *(on(ago(3)), off(ago(2))),
    )
    assert series["cx_churn_exit_answered"][("view", "total"), ("window", "7d")] == 1
    assert values(series, "cx_churn_exit_reasons", "reason") == {"price": 1}


def test_answers_about_tickets_stay_as_they_are() -> None:
    """Also those about an unresolved ticket, which leaves the figures of tickets. Nothing that is read later changes them."""
    answered = csat(ago(6), 5, ticket_id="t")
    before = [ticket(ago(7)), reply(ago(7)), status(ago(6), "solved"), answered]
    assert ticket_answers(series_in_order(*before, erased(ago(5)))) == {"in_time": 1}
    unresolved = [ticket(ago(7)), answered, erased(ago(5))]
    assert ticket_answers(series_in_order(*unresolved)) == {"none": 1}
    later = [reply(ago(4)), without(ago(4)), event("deleted", ago(4), ticket_id="t")]
    assert ticket_answers(series_in_order(*unresolved, *later)) == {"none": 1}


def test_answers_of_after_the_erasure_find_new_tickets_only() -> None:
    """A ticket that an event of after the erasure names begins anew without its creation."""
    events = [ticket(ago(7)), erased(ago(5)), csat(ago(4), 5, ticket_id="t")]
    assert ticket_answers(series_in_order(*events)) == {}
    orphan = status(ago(3), "solved")
    named = orphan._replace(data=orphan.data | {"customer_id": "c"})
    assert ticket_answers(series_in_order(*events, named)) == {}
    assert ticket_answers(series_in_order(*events, ticket(ago(3)))) == {"none": 1}


def test_the_ticket_of_another_customer_stays() -> None:
    """An answer of the erased one about it is joined neither before nor after it moves."""
    events = [ticket(ago(7), customer="d"), csat(ago(6), 5, ticket_id="t"), erased(ago(5))]
    assert ticket_answers(series_in_order(*events)) == {}
    moved = event("updated", ago(4), ticket_id="t", customer_id="c")
    assert ticket_answers(series_in_order(*events, moved)) == {}
    second = csat(ago(3), 5, "g", ticket_id="t")
    assert ticket_answers(series_in_order(*events, moved, second)) == {"none": 1}
