"""The parts of a change, compared with `/metrics` and with a count of single answers by pandas."""

from pathlib import Path
from statistics import NormalDist
from typing import Any

import pandas as pd
import pytest

from schemas.feedback import FeedbackSubmitted
from stream.core.metrics.headlines import HEADLINES
from stream.exporter.live import decompositions
from stream.exporter.live.payloads import Payloads
from stream.exporter.state import ExporterState
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.exporter.live.live_exporter import shop_events
from tests.exporter.live.test_payloads import detail, tiles_by_name
from tests.support import DAY, MINUTE, NOW, Event

HOUR_INDEX, DAY_INDEX, MONTH_INDEX = 1, 2, 4


def state_of(events: list[Event], **env: str) -> tuple[ExporterState, dict[str, float]]:
    """Return an exporter with these events and its series."""
    state = exporter(**env)
    apply_records(state, Worker(state)(events))
    return state, refresh(state)


def parts(moved: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all parts of a decomposition."""
    return [*moved["rows"], *(moved[name] for name in ("more", "rest") if moved[name])]


def test_parts_of_every_mean_equal_the_series_and_add_up() -> None:
    """Of all metrics of which the page shows a change and a sample size. Without answers before there are none."""
    state, series = state_of(shop_events())
    payloads = Payloads(state)
    seen = set()
    for window_index, window in ((DAY_INDEX, "24h"), (3, "7d")):
        for tile in tiles_by_name(payloads, window_index).values():
            headline = HEADLINES[tile["headline"]].headline
            shown = detail(payloads, window_index, "channel", tile["id"])
            moved = shown["moved"]
            has_change = tile["change"] is not None and tile["n"] and tile["n_before"]
            assert (moved is not None) is bool(has_change), tile["id"]
            if moved is None:
                continue
            seen.add(headline.family.name)
            total = sum(part["mix"] + part["rate"] for part in parts(moved))
            assert total == pytest.approx(tile["change"]["difference"], abs=1e-9)
            assert moved["mix"] + moved["rate"] == pytest.approx(total)
            assert sum(part["n"] for part in parts(moved)) == tile["n"]
            for row in moved["rows"]:
                labels = f'view="channel",channel="{row["labels"][0]}"'
                name = tile["series"].replace('view="total"', labels)
                assert f'window="{window}"' in name
                assert row["value"] == series.get(name)
                assert row["before"] == series.get(name.replace("{", "_previous{", 1))
    assert len(seen) >= 8


def test_a_label_of_one_window_only_has_no_rate() -> None:
    """Answers without the label are the rest."""
    given = [
        ("web", 10, 5),
        ("web", 0, 90),
        ("app", 0, 5),
        ("store", 10, 90),
    ]  # channel, score, age in minutes
    events = [
        event for name, score, age in given for event in answers(4, score, NOW - age * MINUTE, channel=name)
    ]
    state, _ = state_of([*events, *answers(2, 10, NOW - 5 * MINUTE), *answers(2, 10, NOW - 90 * MINUTE)])
    moved = detail(Payloads(state), HOUR_INDEX, "channel", "cx_nps_score")["moved"]
    rows = {row["labels"][0]: row for row in moved["rows"]}
    assert {name: (row["n"], row["n_before"]) for name, row in rows.items()} == {
        "web": (4, 4),
        "app": (4, 0),
        "store": (0, 4),
    }
    assert (rows["app"]["value"], rows["app"]["before"], rows["app"]["rate"]) == (-100, None, 0)
    assert (rows["store"]["value"], rows["store"]["before"], rows["store"]["rate"]) == (None, 100, 0)
    assert (rows["web"]["rate"], rows["web"]["mix"]) == (pytest.approx(200 * 0.4), 0)
    assert (moved["rest"]["n"], moved["rest"]["n_before"], moved["rest"]["value"]) == (2, 2, 100)
    # as much in both windows, with equal scores
    assert (moved["rest"]["mix"], moved["rest"]["rate"]) == (0, 0)
    assert moved["mix"] + moved["rate"] == pytest.approx(0)
    assert moved["rate"] == pytest.approx(80)


def test_small_effects_and_many_label_sets_are_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest effects are shown, small label sets are in the rest, and nothing of the change is lost."""
    monkeypatch.setattr(decompositions, "MAX_ROWS", 3)
    monkeypatch.setattr(decompositions, "MAX_LABEL_SETS", 5)
    events = [
        event
        for n in range(8)
        for score, age in ((10 if n % 2 else 0, 5), (8, 90))
        for event in answers(n + 1, score, NOW - age * MINUTE, touchpoint=f"t{n}")
    ]
    state, _ = state_of(events)
    shown = detail(Payloads(state), HOUR_INDEX, "touchpoint", "cx_nps_score")
    moved = shown["moved"]
    assert [row["labels"] for row in moved["rows"]] == [["t7"], ["t6"], ["t5"]]
    assert moved["more"]["label_sets"] == 2
    assert moved["rest"]["n"] == moved["rest"]["n_before"] == 1 + 2 + 3
    total = sum(part["mix"] + part["rate"] for part in parts(moved))
    assert total == pytest.approx(shown["change"]["difference"])


@pytest.mark.parametrize(
    ("window_index", "view", "name"),
    [
        (HOUR_INDEX, "total", "cx_nps_score"),
        (DAY_INDEX, "channel", "cx_nps_score"),  # no answers in the day before
        (HOUR_INDEX, "channel", "cx_first_response_seconds/0.9"),
        (HOUR_INDEX, "channel", "cx_open_tickets"),
    ],
)
def test_no_parts(window_index: int, view: str, name: str) -> None:
    """Of `total`, without a window before, of quantiles and of stocks."""
    state, _ = state_of([*answers(3, 10, NOW - 90 * MINUTE, channel="web"), *answers(3, 0, channel="web")])
    assert detail(Payloads(state), window_index, view, name)["moved"] is None


@pytest.mark.data
def test_a_month_of_the_airport_survey_against_the_month_before(data_folder: Path) -> None:
    """Interviews of San Francisco's airport, May 2017. Those before the 17th are moved to the month before.

    Scores, sample sizes, difference, p and parts of the change are those that pandas counts.
    """
    table = pd.read_csv(data_folder / "sfo_survey_2017" / "survey.csv", encoding="utf-8-sig")
    table = table[table["NETPRO"].between(0, 10)].assign(
        points=lambda t: 100 * ((t["NETPRO"] >= 9).astype(int) - (t["NETPRO"] <= 6).astype(int)),
        is_now=lambda t: t["INTDATE"] >= 17,
    )
    state, series = state_of(
        [
            Event(
                FeedbackSubmitted(
                    feedback_id=str(row.RESPNUM),
                    survey="nps",
                    score=int(row.NETPRO),
                    touchpoint=f"boarding area {row.BAREA}",
                ),
                at := NOW - (31 - row.INTDATE) * DAY - (0 if row.is_now else 30 * DAY),
                at,
            )
            for row in table.itertuples()
        ]
    )
    shown = detail(Payloads(state), MONTH_INDEX, "touchpoint", "cx_nps_score")
    months = table.groupby("is_now")["points"].agg(
        count="count", mean="mean", var=lambda points: points.var(ddof=0)
    )
    now, before = months.loc[True], months.loc[False]
    assert (shown["n"], shown["n_before"]) == (now["count"], before["count"])
    assert (shown["value"], shown["before"]) == pytest.approx((now["mean"], before["mean"]))
    change = now["mean"] - before["mean"]
    error = (now["var"] / now["count"] + before["var"] / before["count"]) ** 0.5
    assert shown["change"]["difference"] == pytest.approx(change)
    assert shown["change"]["p"] == pytest.approx(2 * NormalDist().cdf(-abs(change / error)))
    moved = shown["moved"]
    by_area = table.pivot_table("points", "BAREA", "is_now", aggfunc=["count", "mean"])
    n = by_area["count"].fillna(0)
    share = n / n.sum()
    score = by_area["mean"]
    score = score.fillna({True: score[False], False: score[True]})  # of an area of one month only
    overall = (share * score).sum().mean()
    mix = (share[True] - share[False]) * (score.mean(axis=1) - overall)
    rate = (score[True] - score[False]) * share.mean(axis=1)
    assert (n == 0).any().any()
    assert len(moved["rows"]) == len(share) > 3
    for row in moved["rows"]:
        area = row["labels"][0].removeprefix("boarding area ")
        assert (row["n"], row["n_before"]) == (n[True][area], n[False][area])
        assert (row["mix"], row["rate"]) == pytest.approx((mix[area], rate[area]))
        if n[False][area]:
            name = (
                f'cx_nps_score_previous{{view="touchpoint",touchpoint="boarding area {area}",window="30d"}}'
            )
            assert series[name] == pytest.approx(by_area["mean"][False][area])
    assert abs(change) > 1
    assert moved["mix"] + moved["rate"] == pytest.approx(change)
