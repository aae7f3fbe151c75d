"""Loyalty: customers, churns, exposure, revenue and CLV by class, each number worked out by hand."""

import pytest

from tests.core.aggregation.pipeline import Series
from tests.definitions.joined_cases import (
    START,
    ago,
    bought,
    csat,
    event,
    later,
    nps,
    off,
    on,
    refunded,
    series_of_case,
    values,
    without,
)
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.joined_reading import JoinedSettings
from tests.definitions.settings import HOUR
from tests.support import NOW

Counts = dict[str, float]


def by_class(series: Series, what: str, survey: str = "nps", **labels: str) -> Counts:
    """Return a count by class without zeros."""
    return values(series, f"cx_class_{what}", "class", survey=survey, **labels)


CASES: dict[str, tuple[list[JoinedEvent], Counts, Counts, Counts]] = {
    "the newest answer gives the class, and who gave none is in none": (
        [
            *(on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(5), 3, "f2")),
            *(on(ago(20), "d"), on(ago(20), "e"), nps(ago(9), 8, "f3", "e")),
        ],
        {"detractor": 1, "passive": 1, "none": 1},
        {},
        {"promoter": 1, "detractor": 1, "passive": 1, "none": 1},
    ),
    "an answer of the churn's millisecond comes before it, and is an entry": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(2), 0, "f2"), off(ago(2))],
        {},
        {"detractor": 1},
        {"promoter": 1, "detractor": 1},
    ),
    "an answer 1 ms after the churn gives no entry": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(2, 1), 0, "f2"), off(ago(2))],
        {},
        {"promoter": 1},
        {"promoter": 1},
    ),
    "an answer of the activation's millisecond is one entry with it": (
        [on(ago(3)), nps(ago(3), 9)],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "an answer 1 ms after the activation is a second entry": (
        [on(ago(3)), nps(ago(3, 1), 9)],
        {"promoter": 1},
        {},
        {"none": 1, "promoter": 1},
    ),
    "a return enters the class of the answer given between the lives": (
        [on(ago(20)), off(ago(6)), nps(ago(5), 2), on(ago(4)), off(ago(1))],
        {},
        {"none": 1, "detractor": 1},
        {"none": 1, "detractor": 1},
    ),
    "a switch of plan is neither a churn nor an entry": (
        [on(ago(20)), nps(ago(10), 7), off(ago(3)), on(ago(3), plan="pro")],
        {"passive": 1},
        {},
        {"passive": 1},
    ),
    "an answer of the switch's millisecond is an entry": (
        [on(ago(20)), nps(ago(10), 7, "f1"), off(ago(3)), on(ago(3)), nps(ago(3), 9, "f2")],
        {"promoter": 1},
        {},
        {"passive": 1, "promoter": 1},
    ),
    "a life of no length is one entry and one churn": (
        [nps(ago(5), 8), on(ago(2)), off(ago(2))],
        {},
        {"passive": 1},
        {"passive": 1},
    ),
    "an edit changes the class from the first time of the answer on": (
        [on(ago(20)), nps(ago(10), 9), nps(ago(3), 2, revision=1)],
        {"detractor": 1},
        {},
        {"detractor": 1},
    ),
    "a deleted answer gives way to the one before": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(5), 2, "f2"), without(ago(1), "f2")],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "the same class is not entered twice": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(3), 10, "f2"), nps(ago(2), 9, "f3")],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "there and back within the window are three exposures": (
        [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(3), 1, "f2"), nps(ago(2), 9, "f3"), off(ago(1))],
        {},
        {"promoter": 1},
        {"promoter": 2, "detractor": 1},
    ),
    "of answers of one millisecond the greater ID decides, and both are one step": (
        [on(ago(20)), nps(ago(3), 0, "f2"), nps(ago(3), 9, "f1")],
        {"detractor": 1},
        {},
        {"none": 1, "detractor": 1},
    ),
    "premature and dismissed answers give no class": (
        [on(ago(20)), nps(ago(5), 9, "f1", **later(ago(5, 1))), nps(ago(4), None, "f2")],
        {"none": 1},
        {},
        {"none": 1},
    ),
    "an answer at its transaction is not premature": (
        [on(ago(20)), nps(ago(10), 9, **later(ago(10)))],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "an answer that moves to another customer leaves the first one": (
        [on(ago(20)), on(ago(20), "d"), nps(ago(10), 9), nps(ago(3), 9, customer="d")],
        {"promoter": 1, "none": 1},
        {},
        {"promoter": 1, "none": 1},
    ),
    "an offer that is newer than the answer says whose it is": (
        [
            *(on(ago(20)), on(ago(10), "d"), nps(ago(15), 9)),
            event("offered", ago(12), feedback_id="f", survey="nps", customer_id="d"),
        ],
        {"promoter": 1, "none": 1},
        {},
        {"promoter": 1, "none": 1},
    ),
    "a churn that is read after another life does not count twice": (
        [on(ago(20)), off(ago(5)), off(ago(4)), nps(ago(4), 9), on(ago(3))],
        {"promoter": 1},
        {"none": 1},
        {"none": 1, "promoter": 1},
    ),
    "an answer 1 ms before the window's start is of the class at the start": (
        [on(ago(20)), nps(START - 1, 9)],
        {"promoter": 1},
        {},
        {"promoter": 1},
    ),
    "an answer at the window's start is an entry": (
        [on(ago(20)), nps(START, 9)],
        {"promoter": 1},
        {},
        {"none": 1, "promoter": 1},
    ),
    "a churn at the window's start is inside": ([on(ago(20)), off(START)], {}, {"none": 1}, {"none": 1}),
    "a churn 1 ms before the window's start is outside": ([on(ago(20)), off(START - 1)], {}, {}, {}),
    "the first life begins and ends in the window": (
        [on(START), nps(START, 0), off(START + 1)],
        {},
        {"detractor": 1},
        {"detractor": 1},
    ),
}


@pytest.mark.parametrize(("events", "customers", "churned", "exposed"), CASES.values(), ids=CASES)
def test_exposure(events: list[JoinedEvent], customers: Counts, churned: Counts, exposed: Counts) -> None:
    """Customers now, and churns and exposed of the window of 7 d, by NPS class."""
    series = series_of_case(*events)
    assert by_class(series, "customers") == customers
    assert by_class(series, "churned_customers") == churned
    assert by_class(series, "exposed_customers") == exposed
    assert by_class(series, "churn_ratio") == {
        name: churns / exposed[name] for name, churns in churned.items()
    }


def test_zeros_of_all_classes_are_in_total() -> None:
    """Scores without a sample are absent, and so is everything of a currency without money."""
    series = series_of_case(on(ago(20)))
    classes = {("nps", name) for name in ("promoter", "passive", "detractor", "none")}
    classes |= {("csat", name) for name in ("satisfied", "dissatisfied", "none")}
    for name, windows in (("customers", 1), ("churned_customers", 5), ("exposed_customers", 5)):
        keys = [dict(key) for key in series[f"cx_class_{name}"] if dict(key)["view"] == "total"]
        assert {(key["survey"], key["class"]) for key in keys} == classes
        assert len(keys) == windows * len(classes)
    assert by_class(series, "customers", "csat") == {"none": 1}
    ratios = [dict(key) for key in series["cx_class_churn_ratio"]]
    assert {(key["survey"], key["class"]) for key in ratios} == {("nps", "none"), ("csat", "none")}
    assert "cx_class_revenue" not in series
    assert "cx_class_clv_historical_mean" not in series


def test_bounds_are_those_of_wilson() -> None:
    """Of 1 in 2: 0.5 ± 0.40547."""
    series = series_of_case(on(ago(20)), on(ago(20), "d"), off(ago(1)))
    assert by_class(series, "churn_ratio") == {"none": 0.5}
    assert by_class(series, "churn_ratio_low") == pytest.approx({"none": 0.0945312})
    assert by_class(series, "churn_ratio_high") == pytest.approx({"none": 0.9054688})


def test_satisfied_is_the_top_two_points_from_four_points_on() -> None:
    """An answer before its transaction counts: premature is for NPS only."""
    answers = [
        csat(ago(9), 4, "f1", "c1"),
        csat(ago(9), 3, "f2", "c2"),
        csat(ago(9), 3, "f3", "c3", scale=[1, 4]),
        csat(ago(9), 2, "f4", "c4", scale=[1, 3]),
        csat(ago(9), 5, "f5", "c5", **later(NOW)),
    ]
    series = series_of_case(*answers, *(on(ago(20), f"c{n}") for n in range(1, 6)))
    assert by_class(series, "customers", "csat") == {"satisfied": 3, "dissatisfied": 2}


def test_money_has_the_class_of_its_own_moment() -> None:
    """A purchase as a promoter, and its refund as a detractor in the millisecond of the answer."""
    series = series_of_case(
        on(ago(20)),
        nps(ago(6), 9, "f1"),
        bought(ago(6), 1000),
        nps(ago(2), 0, "f2"),
        refunded(ago(2), 400),
        bought(ago(6, -1), 7, currency="JPY"),
    )
    assert by_class(series, "revenue", currency="EUR") == {"promoter": 10, "detractor": -4}
    assert by_class(series, "revenue", currency="JPY") == {"none": 7}
    assert by_class(series, "revenue", "csat", currency="EUR") == {"none": 6}
    assert by_class(series, "revenue", currency="EUR", window="24h") == {}
    shown = {dict(key)["window"] for key in series["cx_class_revenue"]}
    assert shown == {"7d", "30d"}


def test_money_of_strangers_and_former_customers_counts() -> None:
    """Their answers give it a class, too. It is in nobody's CLV."""
    series = series_of_case(
        bought(ago(3), 500, "stranger"),
        nps(ago(4), 9, "f1", "stranger"),
        *(on(ago(20)), nps(ago(10), 0), off(ago(5)), bought(ago(3), 300)),
    )
    assert by_class(series, "revenue", currency="EUR") == {"promoter": 5, "detractor": 3}
    assert "cx_class_clv_historical_mean" not in series


def test_money_moves_when_an_answer_is_deleted() -> None:
    """Purchases after the answer fall back to the class before it."""
    events = [on(ago(20)), nps(ago(9), 9, "f1"), nps(ago(8), 0, "f2"), bought(ago(3), 500)]
    assert by_class(series_of_case(*events), "revenue", currency="EUR") == {"detractor": 5}
    series = series_of_case(*events, without(NOW, "f2"))
    assert by_class(series, "revenue", currency="EUR") == {"promoter": 5}


def test_historical_clv_is_a_mean_over_buyers_and_others() -> None:
    """100.00 at a margin of 0.25 for two promoters. A return brings the money of all lives along."""
    series = series_of_case(
        *(on(ago(300)), bought(ago(290), 8000), off(ago(200)), on(ago(100), margin_rate=0.25)),
        *(bought(ago(90), 3000), refunded(ago(80), 1000), nps(ago(9), 9)),
        *(on(ago(20), "d"), nps(ago(9), 10, "g", "d")),
        *(on(ago(20), "e"), nps(ago(9), 0, "h", "e")),
    )
    clv = values(series, "cx_class_clv_historical_mean", "class", survey="nps", currency="EUR")
    assert clv == {"promoter": 12.5}
    total = {
        dict(key)["class"]: value
        for key, value in series["cx_class_clv_historical_mean"].items()
        if dict(key)["view"] == "total" and dict(key)["survey"] == "nps"
    }
    assert total == {"promoter": 12.5, "detractor": 0}


def test_the_configured_margin_holds_for_those_without_one() -> None:
    settings = JoinedSettings(margin=JoinedSettings().margin / 4)
    series = series_of_case(on(ago(20)), bought(ago(10), 1000), settings=settings)
    clv = values(series, "cx_class_clv_historical_mean", "class", survey="nps", currency="EUR")
    assert clv == {"none": 2.5}


def test_figures_are_in_the_views_of_the_present_dimensions() -> None:
    """An update moves the past, too. A view shows all zeros where the metric has anything."""
    events = [on(ago(20), channel="web"), nps(ago(10), 9), off(ago(3)), bought(ago(4), 100)]
    before = series_of_case(*events)
    web, chat = {"view": "channel", "channel": "web"}, {"view": "channel", "channel": "chat"}
    assert by_class(before, "churned_customers", **web) == {"promoter": 1}
    after = series_of_case(*events, event("changed", ago(1), customer_id="c", channel="chat"))
    assert by_class(after, "churned_customers", **web) == {}
    assert by_class(after, "churned_customers", **chat) == {"promoter": 1}
    assert by_class(after, "exposed_customers", **chat) == {"promoter": 1}
    assert by_class(after, "revenue", currency="EUR", **chat) == {"promoter": 1}
    channels = {dict(key).get("channel") for key in after["cx_class_customers"]}
    assert channels == {None, "chat"}


def test_windows_follow_the_clock() -> None:
    """Eight days later the class at the window's start is the new one."""
    events = [on(ago(20)), nps(ago(10), 9, "f1"), nps(ago(1), 0, "f2")]
    assert by_class(series_of_case(*events), "exposed_customers") == {"promoter": 1, "detractor": 1}
    series = series_of_case(*events, now=NOW + 8 * 24 * HOUR)
    assert by_class(series, "exposed_customers") == {"detractor": 1}
