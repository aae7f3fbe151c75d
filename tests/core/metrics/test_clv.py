"""Lifetime value in worked cases: margins, cohorts, currencies."""

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import clv
from tests.core.aggregation.customers.events import (
    activated,
    bought,
    churned,
    counted,
    refunded,
    responded,
)
from tests.support import DAY, HOUR, NOW, Event, aggregation_config, figures

HISTORICAL, PREDICTED, ADDED = "cx_clv_historical_mean", "cx_clv_predicted", "cx_clv_added_mean"


def read(events_or_task: list[Event] | PartitionTask, window: str = "30d", **filters: object) -> dict:
    partition = counted(events_or_task) if isinstance(events_or_task, list) else events_or_task
    return figures(clv.METRIC, partition, NOW, window, **filters)


def test_clv_1() -> None:
    """100 + 50 - 20 at a margin of 40 %: revenue 130, value 52.00."""
    events = [
        activated("a", NOW - 90 * DAY, margin_rate=0.4),
        bought("a", "1", 10_000),
        bought("a", "2", 5_000),
        refunded("a", "r", 2_000),
    ]
    by_series = read(events)
    assert by_series["cx_revenue", "EUR"] == 130
    assert by_series[HISTORICAL, "all", "EUR"] == 52
    assert by_series[ADDED, "all", "EUR"] == 52


def test_clv_2() -> None:
    """50 per account at 80 % and a churn of 5 %: 800, without a margin 1,000."""
    events = [activated(f"c{i}", NOW - 90 * DAY) for i in range(20)]
    events += [churned("c0", NOW - DAY), bought("c1", "1", 95_000)]
    by_series = figures(clv.METRIC, counted(events, config=aggregation_config(margin_rate=0.8)), NOW)
    assert by_series[PREDICTED, "all", "EUR"] == pytest.approx(800)
    assert read(events)[PREDICTED, "all", "EUR"] == pytest.approx(1000)


def test_the_prediction_is_at_most_36_months() -> None:
    """Without churn, or with less than one in 36, the prediction is 36 times the month."""
    events = [activated(f"c{i}", NOW - 90 * DAY) for i in range(100)]
    events.append(bought("c1", "1", 100_00))
    assert read(events)[PREDICTED, "all", "EUR"] == pytest.approx(36)
    assert read([*events, churned("c0", NOW)])[PREDICTED, "all", "EUR"] == pytest.approx(36 * 100 / 99)


@pytest.mark.parametrize(
    "events",
    [
        [activated("a", NOW - DAY), bought("a", "1", 100)],
        [activated("a", NOW - 90 * DAY), bought("a", "1", 100, NOW - 40 * DAY)],
        [activated("a", NOW - 90 * DAY), bought("a", "1", 100), churned("a")],
    ],
    ids=["no opening customers", "no money in the month", "no active customers"],
)
def test_without_its_inputs_there_is_no_prediction(events: list[Event]) -> None:
    """The prediction is absent, not 0."""
    assert not [key for key in read(events) if key[0] == PREDICTED]


def test_the_prediction_needs_no_window_of_30_days() -> None:
    """The prediction does not depend on the configured windows."""
    events = [activated("a", NOW - 90 * DAY), bought("a", "1", 100, NOW - 29 * DAY)]
    short_windows = aggregation_config(windows=aggregation_config().windows[:2])
    by_series = figures(clv.METRIC, counted(events, config=short_windows), NOW)
    assert by_series[PREDICTED, "all", "EUR"] == 36


def test_revenue_of_churned_customers_counts_in_prediction_and_window() -> None:
    """Both are per active customer and include churned customers.

    The value to date includes active ones only.
    """
    events = [activated(c, NOW - 90 * DAY) for c in "ab"]
    events += [bought("a", "1", 1000), bought("b", "2", 3000), churned("b")]
    by_series = read(events)
    assert by_series[PREDICTED, "all", "EUR"] == 40 * 2
    assert by_series[ADDED, "all", "EUR"] == 40
    assert by_series[HISTORICAL, "all", "EUR"] == 10


def test_clv_9_currencies_are_never_added() -> None:
    """EUR 10.00 and JPY 1,000 are two series. A dinar has 1,000 fils."""
    events = [activated("a", NOW - 90 * DAY), bought("a", "1", 1000), bought("a", "2", 1000, currency="JPY")]
    by_series = read([*events, bought("a", "3", 1000, currency="KWD")])
    assert {key[1]: value for key, value in by_series.items() if key[0] == "cx_revenue"} == {
        "EUR": 10,
        "JPY": 1000,
        "KWD": 1,
    }
    assert by_series[HISTORICAL, "all", "JPY"] == 1000


def test_means_are_over_customers_whether_they_bought_or_not() -> None:
    """A cohort without purchases has a mean of 0, a cohort without customers has none."""
    events = [activated(c, NOW - 90 * DAY) for c in "abcd"] + [bought("a", "1", 1000), responded("b")]
    by_series = read(events)
    assert by_series[HISTORICAL, "all", "EUR"] == 2.5
    assert by_series[HISTORICAL, "responder", "EUR"] == 0
    assert by_series[HISTORICAL, "other", "EUR"] == pytest.approx(10 / 3)
    assert by_series[ADDED, "responder", "EUR"] == 0
    assert (PREDICTED, "responder", "EUR") not in by_series
    assert [by_series["cx_clv_customers", cohort] for cohort in ("all", "responder", "other")] == [4, 1, 3]
    without_response = read(events[:-1])
    assert (HISTORICAL, "responder", "EUR") not in without_response
    assert without_response["cx_clv_customers", "responder"] == 0


def test_a_responder_moves_past_revenue_to_the_responders() -> None:
    """Value, windowed revenue and churn of the month follow the present membership."""
    events = [activated(c, NOW - 90 * DAY, margin_rate=0.5) for c in "abc"]
    events += [bought("a", "1", 1000, NOW - 9 * DAY), bought("b", "2", 500), churned("c", NOW - 2 * DAY)]
    before = read(events)
    assert before[HISTORICAL, "other", "EUR"] == 3.75
    by_series = read([*events, responded("a"), responded("c")])
    assert by_series[HISTORICAL, "responder", "EUR"] == by_series[ADDED, "responder", "EUR"] == 5
    assert by_series[HISTORICAL, "other", "EUR"] == 2.5
    assert by_series[PREDICTED, "responder", "EUR"] == 5 * 2
    assert by_series[PREDICTED, "other", "EUR"] == 2.5 * 36
    assert by_series[HISTORICAL, "all", "EUR"] == before[HISTORICAL, "all", "EUR"]


def test_a_new_margin_applies_to_all_revenue_of_the_customer() -> None:
    """The margin is that of the last activation, by default the configured one, in 1/10,000."""
    events = [activated("a", NOW - 90 * DAY, margin_rate=0.4), bought("a", "1", 10_000, NOW - 9 * DAY)]
    with_new_margin = read([*events, activated("a", NOW - DAY, margin_rate=0.12345)])
    assert (
        with_new_margin[HISTORICAL, "all", "EUR"]
        == with_new_margin[ADDED, "all", "EUR"]
        == pytest.approx(12.34)
    )
    assert read([*events, activated("a", NOW - DAY)])[HISTORICAL, "all", "EUR"] == 100


def test_money_of_former_lives_counts_again_when_the_customer_is_back() -> None:
    """Purchases of all lives count while the customer is active."""
    events = [
        activated("a", NOW - 90 * DAY),
        bought("a", "1", 1000, NOW - 80 * DAY),
        churned("a", NOW - 2 * DAY),
    ]
    assert (HISTORICAL, "all", "EUR") not in read(events)
    assert read([*events, activated("a")])[HISTORICAL, "all", "EUR"] == 10


def test_fully_refunded_revenue_is_zero_not_absent() -> None:
    """The currency has events."""
    by_series = read([activated("a", NOW - 90 * DAY), bought("a", "1", 1000), refunded("a", "r", 1000)])
    assert by_series["cx_revenue", "EUR"] == by_series[HISTORICAL, "all", "EUR"] == 0
    assert by_series[PREDICTED, "all", "EUR"] == 0


def test_an_order_and_a_refund_count_once() -> None:
    """Orders and refunds have separate IDs for each customer. Of two orders with one ID the first counts."""
    events = [bought("a", "1", 1000), bought("a", "1", 7777), bought("b", "1", 500), refunded("a", "1", 100)]
    partition = counted([*events, refunded("a", "1", 100)])
    assert partition.outcome_counts["duplicate"] == 2
    assert read(partition)["cx_revenue", "EUR"] == 14


def test_revenue_includes_customers_who_were_never_active() -> None:
    """Their revenue is in the total view only."""
    partition = counted([bought("ghost", "1", 1000)])
    by_series = read(partition)
    assert by_series["cx_revenue", "EUR"] == 10
    assert by_series["cx_clv_customers", "all"] == 0
    assert {key.cell.view for key in partition.panes.blocks} == {"total"}


def test_refunds_count_at_their_own_time() -> None:
    """A refund counts at its own time, not at that of the order."""
    events = [activated("a", NOW - 90 * DAY), bought("a", "1", 1000, NOW - 5 * DAY), refunded("a", "r", 300)]
    assert read(events, "1h")["cx_revenue", "EUR"] == -3
    assert read(events, "7d")["cx_revenue", "EUR"] == 7


def test_sums_of_the_largest_orders_fit_in_a_record() -> None:
    """4,096 of the largest possible orders, with a margin in 1/10,000."""
    largest, n = 2**53 - 1, 4096
    events = [activated("a", NOW - 90 * DAY)]
    events += [bought("a", str(i), largest, NOW - HOUR, currency="IDR") for i in range(n)]
    assert read(events)["cx_revenue", "IDR"] == largest * n / 100
    assert read(events)[HISTORICAL, "all", "IDR"] == largest * n / 100
