"""CDNOW's purchases joined with generated answers to NPS, compared with pandas."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from schemas.feedback import FeedbackSubmitted
from tests.core.aggregation.customers.events import activated, bought, churned
from tests.core.aggregation.pipeline import Pipeline, Series
from tests.support import DAY, HOUR, Event

pytestmark = pytest.mark.data

NOW = int(datetime(1997, 6, 15, 12, tzinfo=UTC).timestamp() * 1000)
START = NOW // HOUR * HOUR + HOUR - 30 * DAY
"""Start of the 30 days that end now."""
CLASSES = ("promoter", "passive", "detractor", "none")


@pytest.fixture(scope="module")
def purchases(data_folder: Path) -> pd.DataFrame:
    """The purchases up to now: customer, time in ms, cents."""
    table = pd.read_fwf(
        data_folder / "cdnow" / "CDNOW_sample.txt",
        names=["master", "customer", "day", "units", "dollars"],
        header=None,
        dtype={"day": str},
        colspecs="infer",
        infer_nrows=10_000,
    )
    days = pd.to_datetime(table["day"], format="%Y%m%d", utc=True)
    table["time"] = days.astype("int64") // 10 ** (6 if "ns" in str(days.dtype) else 3)
    table["cents"] = (table["dollars"] * 100).round().astype("int64")
    table["customer"] = table["customer"].astype(str)
    return table[table["time"] <= NOW][["customer", "time", "cents"]].sort_values("time", kind="stable")


@pytest.fixture(scope="module")
def lives(purchases: pd.DataFrame) -> pd.DataFrame:
    """A life of each customer from the first purchase on. One in five has churned after it."""
    random = Random(1)
    first = purchases.groupby("customer", sort=False)["time"].min()
    rows = [
        (
            customer,
            begin,
            min(NOW, begin + random.randrange(1, NOW - begin)) if random.random() < 0.2 else None,
        )
        for customer, begin in first.items()
    ]
    return pd.DataFrame(rows, columns=["customer", "start", "end"])


@pytest.fixture(scope="module")
def answers(lives: pd.DataFrame) -> pd.DataFrame:
    """Up to five answers of each customer, before and after purchases and churns."""
    random = Random(2)
    rows = []
    for customer, start in zip(lives["customer"], lives["start"], strict=True):
        for n in range(random.choice((0, 0, 1, 2, 5))):
            score = random.randrange(11)
            name = "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
            time = random.randrange(start - DAY, NOW)
            rows.append((f"{customer}-{n}", customer, time, score, name))
    table = pd.DataFrame(rows, columns=["feedback", "customer", "time", "score", "class"])
    return table.sort_values(["time", "feedback"])


def classes_at(moments: pd.DataFrame, answers: pd.DataFrame, *, exact: bool = True) -> pd.Series:
    """Return the class of each row's customer at its `time`."""
    joined = pd.merge_asof(
        moments.sort_values("time", kind="stable"),
        answers[["time", "customer", "class"]],
        on="time",
        by="customer",
        allow_exact_matches=exact,
    )
    return joined["class"].fillna("none")


@pytest.fixture(scope="module")
def series(purchases: pd.DataFrame, lives: pd.DataFrame, answers: pd.DataFrame) -> Series:
    """The series of cxgauge, of records in the order of events."""
    events = [activated(row.customer, row.start, row.start) for row in lives.itertuples()]
    events += [
        churned(row.customer, int(row.end), int(row.end)) for row in lives.itertuples() if row.end == row.end
    ]
    events += [
        bought(row.customer, str(n), row.cents, row.time, row.time, "USD")
        for n, row in enumerate(purchases.itertuples())
    ]
    for row in answers.itertuples():
        data = FeedbackSubmitted(
            feedback_id=row.feedback, survey="nps", score=row.score, customer_id=row.customer
        )
        events.append(Event(data, row.time, row.time))
    pipeline = Pipeline(2)
    for n, event in enumerate(sorted(events, key=lambda event: event.stamp)):
        pipeline.publish(json.loads(event._replace(id=f"e{n}").value()), event.stamp)
    pipeline.run(Random(3))
    return pipeline.series(NOW)


def by_class(series: Series, name: str, **labels: str) -> dict[str, float]:
    """Return the values of the NPS classes in total, zeros left out."""
    wanted = {"view": "total", "survey": "nps", **labels}
    by_name = {
        dict(key)["class"]: value
        for key, value in series[name].items()
        if wanted.items() <= dict(key).items()
    }
    return {name: value for name, value in by_name.items() if value}


def test_revenue_by_class(series: Series, purchases: pd.DataFrame, answers: pd.DataFrame) -> None:
    """An as-of join of purchases with answers."""
    window = purchases[purchases["time"] >= START].sort_values("time", kind="stable")
    expected = window["cents"].groupby(classes_at(window, answers).to_numpy()).sum() / 100
    actual = by_class(series, "cx_class_revenue", window="30d", currency="USD")
    assert actual == pytest.approx(expected.to_dict())
    assert set(actual) == set(CLASSES)


def test_customers_and_lifetime_value_by_present_class(
    series: Series, purchases: pd.DataFrame, lives: pd.DataFrame, answers: pd.DataFrame
) -> None:
    """Of the active ones, buyers or not."""
    active = lives[lives["end"].isna()].assign(time=NOW)[["customer", "time"]]
    present = classes_at(active, answers).to_numpy()
    assert by_class(series, "cx_class_customers") == pd.Series(present).value_counts().to_dict()
    total = purchases.groupby("customer")["cents"].sum()
    value = active["customer"].map(total).fillna(0).groupby(present).mean() / 100
    assert by_class(series, "cx_class_clv_historical_mean", currency="USD") == pytest.approx(value.to_dict())


def test_churn_by_class(series: Series, lives: pd.DataFrame, answers: pd.DataFrame) -> None:
    """Exposed are those of a class at the start of the window, and each entry in it."""
    ends = lives[lives["end"].notna()].assign(time=lambda table: table["end"].astype("int64"))
    ends = ends[ends["time"] >= START][["customer", "time"]].sort_values("time", kind="stable")
    churns = classes_at(ends, answers).value_counts().to_dict()
    assert by_class(series, "cx_class_churned_customers", window="30d") == churns

    alive = lives[(lives["start"] < START) & ~(lives["end"] < START)].assign(time=START)
    opening = classes_at(alive[["customer", "time"]], answers, exact=False)
    starts = lives[lives["start"] >= START].rename(columns={"start": "time"})[["customer", "time"]]
    changes = answers[answers["time"] >= START].merge(lives, on="customer")
    changes = changes[(changes["time"] > changes["start"]) & ~(changes["time"] > changes["end"])]
    changes = changes.sort_values("time", kind="stable")
    before = classes_at(changes[["customer", "time"]], answers, exact=False).to_numpy()
    entered = changes["class"][changes["class"].to_numpy() != before]
    expected = pd.concat([opening, classes_at(starts, answers), entered]).value_counts()
    assert by_class(series, "cx_class_exposed_customers", window="30d") == expected.to_dict()
