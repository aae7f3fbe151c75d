"""CDNOW: 6,919 purchases of 2,357 customers, compared with the figures published with the data."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream.core.aggregation.customers.summary import summarize
from stream.core.metrics import clv
from tests.core.aggregation.customers.events import activated, bought, counted
from tests.support import DAY, Event, figures

CALIBRATION = int(datetime(1997, 9, 30, tzinfo=UTC).timestamp() * 1000)
"""The last day of the published summary."""

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def purchases(data_folder: Path) -> list[Event]:
    events = []
    with (data_folder / "cdnow" / "CDNOW_sample.txt").open() as lines:
        for number, line in enumerate(lines):
            _, customer_id, day, _, dollars = line.split()
            at = int(datetime.strptime(day + "+0000", "%Y%m%d%z").timestamp() * 1000)
            events.append(
                bought(str(int(customer_id)), str(number), round(float(dollars) * 100), at, currency="USD")
            )
    return events


def test_revenue_in_total(purchases: list[Event]) -> None:
    """244,091.94 USD in any order of records, 103.56 for each customer."""
    customer_ids = {event.data.customer_id for event in purchases}
    base = [activated(customer_id, purchases[0].at) for customer_id in sorted(customer_ids)]
    last = max(event.at for event in purchases)
    for record_timestamp in (lambda e: e.at, lambda _: last):
        partition = counted([e._replace(stamp=record_timestamp(e)) for e in [*base, *purchases]])
        by_series = figures(clv.METRIC, partition, last)
        assert by_series["cx_clv_historical_mean", "all", "USD"] == 24_409_194 / 100 / 2357
    net = [
        summarize(raw, last).net["USD"] for key, raw in partition.store.entities.items() if key[:1] == b"c"
    ]
    assert sum(net) == 24_409_194


def test_frequency_recency_and_age_of_each_customer(purchases: list[Event], data_folder: Path) -> None:
    """The published summary counts in weeks and rounds to two digits."""
    partition = counted(event for event in purchases if event.at <= CALIBRATION)
    with (data_folder / "cdnow" / "cdnow_customers_summary.csv").open() as lines:
        published = list(csv.DictReader(lines))
    assert len(published) == 2357
    for row in published:
        summary = summarize(partition.store.entities[b"c" + row["ID"].encode()], CALIBRATION)
        assert summary.frequency == int(row["frequency"])
        assert summary.recency_days / 7 == pytest.approx(float(row["recency"]), abs=0.0051)
        assert summary.age_days / 7 == pytest.approx(float(row["T"]), abs=0.0051)


def test_revenue_of_the_last_30_days(purchases: list[Event]) -> None:
    """Net revenue of the 30 d that end on 15 June 1997, summed by hand."""
    now = int(datetime(1997, 6, 15, 12, tzinfo=UTC).timestamp() * 1000)
    past_purchases = [event for event in purchases if event.at <= now]
    start = now // 3_600_000 * 3_600_000 + 3_600_000 - 30 * DAY
    by_hand = sum(event.data.amount_minor for event in past_purchases if event.at >= start)
    assert figures(clv.METRIC, counted(past_purchases), now, "30d")["cx_revenue", "USD"] == by_hand / 100
