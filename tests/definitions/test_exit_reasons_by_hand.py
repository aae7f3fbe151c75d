"""Exit reasons: churns with an exit answer near them, each number worked out by hand."""

import pytest

from tests.core.aggregation.pipeline import Series
from tests.definitions.joined_cases import (
    ago,
    event,
    later,
    leaving,
    nps,
    off,
    on,
    series_of_case,
    values,
    without,
)
from tests.definitions.joined_events import JoinedEvent, time_text
from tests.definitions.joined_reading import JoinedSettings
from tests.definitions.settings import DAY, HOUR, WINDOWS
from tests.support import NOW

SETTINGS = JoinedSettings(windows=WINDOWS | {"60d": 60 * DAY})
"""With a window so long that an answer 30 d before a churn of last week is in time."""
CHURN, EARLY = ago(2), ago(10)
BEGIN = NOW // HOUR * HOUR + HOUR - 30 * DAY
"""The start of the window of 30 d."""
BEFORE, AFTER = 30 * DAY, 7 * DAY

Reasons = dict[str, float]


def answered(series: Series, window: str = "30d", view: str = "total", **labels: str) -> float:
    key = {"view": view, "window": window, **labels}
    return series["cx_churn_exit_answered"][tuple(sorted(key.items()))]


def reasons(series: Series, window: str = "30d", view: str = "total", **labels: str) -> Reasons:
    return values(series, "cx_churn_exit_reasons", "reason", window=window, view=view, **labels)


CASES: dict[str, tuple[list[JoinedEvent], int, Reasons]] = {
    "an answer before the churn gives its reasons": (
        [on(ago(90)), leaving(ago(3), "price", "bugs"), off(CHURN)],
        1,
        {"price": 1, "bugs": 1},
    ),
    "a code given twice counts once": (
        [on(ago(90)), leaving(ago(3), "price", " price "), off(CHURN)],
        1,
        {"price": 1},
    ),
    "30 d before is inside": (
        [on(ago(90)), leaving(CHURN - BEFORE, "price"), off(CHURN)],
        1,
        {"price": 1},
    ),
    "1 ms more is outside": ([on(ago(90)), leaving(CHURN - BEFORE - 1, "price"), off(CHURN)], 0, {}),
    "7 d after is inside": (
        [on(ago(90)), off(EARLY), leaving(EARLY + AFTER, "price")],
        1,
        {"price": 1},
    ),
    "1 ms more is outside, too": ([on(ago(90)), off(EARLY), leaving(EARLY + AFTER + 1, "price")], 0, {}),
    "the newest inside counts, not one after it": (
        [
            *(on(ago(90)), off(EARLY), leaving(EARLY - DAY, "old", name="f1")),
            *(leaving(EARLY + DAY, "new", name="f2"), leaving(EARLY + AFTER + 1, "far", name="f3")),
        ],
        1,
        {"new": 1},
    ),
    "of answers of one millisecond the greater ID counts": (
        [on(ago(90)), off(CHURN), leaving(CHURN, "a", name="f2"), leaving(CHURN, "b", name="f1")],
        1,
        {"a": 1},
    ),
    "a newest answer with a score only has no reason": (
        [
            *(on(ago(90)), off(CHURN), leaving(ago(3), "price", name="f1")),
            leaving(ago(1), name="f2", score=-3),
        ],
        1,
        {},
    ),
    "a dismissed answer is none": (
        [on(ago(90)), off(CHURN), leaving(ago(3), "price", name="f1"), leaving(ago(1), name="f2")],
        1,
        {"price": 1},
    ),
    "an edit replaces reasons, and keeps the moment": (
        [on(ago(90)), off(CHURN), leaving(ago(3), "price"), leaving(NOW, "bugs", revision=1)],
        1,
        {"bugs": 1},
    ),
    "an edit can take the reasons away": (
        [on(ago(90)), off(CHURN), leaving(ago(3), "price"), leaving(NOW, revision=1)],
        0,
        {},
    ),
    "a duplicate can move the answer into the period": (
        [
            *(on(ago(90)), off(EARLY), leaving(NOW, "price", revision=1)),
            leaving(EARLY, "bugs"),
        ],
        1,
        {"price": 1},
    ),
    "a deleted answer gives way to the one before": (
        [
            *(on(ago(90)), off(CHURN), leaving(ago(3), "price", name="f1")),
            *(leaving(ago(1), "bugs", name="f2"), without(NOW, "f2")),
        ],
        1,
        {"price": 1},
    ),
    "an answer before its transaction counts": (
        [
            *(on(ago(90)), off(CHURN)),
            event(
                "submitted",
                ago(3),
                feedback_id="f",
                survey="exit",
                score=1,
                reasons=["price"],
                customer_id="c",
                **later(NOW),
            ),
        ],
        1,
        {"price": 1},
    ),
    "an answer to another survey is none": (
        [on(ago(90)), off(CHURN), nps(ago(3), 0, reasons=["price"])],
        0,
        {},
    ),
    "two churns share an answer": (
        [on(ago(90)), off(ago(5)), on(ago(4)), off(CHURN), leaving(ago(3), "price")],
        2,
        {"price": 2},
    ),
    "each of two churns has its own newest answer": (
        [
            *(on(ago(90)), off(EARLY), on(EARLY + 1), off(ago(0.1)), leaving(EARLY - 1, "first", name="f1")),
            leaving(EARLY + AFTER + 1, "second", name="f2"),
        ],
        2,
        {"first": 1, "second": 1},
    ),
    "a switch of plan is no churn": (
        [on(ago(90)), off(CHURN), on(CHURN, plan="pro"), leaving(ago(3), "price")],
        0,
        {},
    ),
    "a life of no length is one": ([on(CHURN), off(CHURN), leaving(CHURN, "price")], 1, {"price": 1}),
    "a churn of one who is not active is none": ([off(CHURN), leaving(ago(3), "price")], 0, {}),
    "an answer of another customer is none": (
        [on(ago(90)), off(CHURN), leaving(ago(3), "price", customer="d")],
        0,
        {},
    ),
    "an answer that moves to the customer is one": (
        [
            *(on(ago(90)), off(CHURN), leaving(ago(3), "price", customer="d")),
            event("offered", ago(1), feedback_id="f", survey="exit", customer_id="c"),
        ],
        1,
        {"price": 1},
    ),
    "a churn before the window is outside, wherever its answer is": (
        [on(ago(90)), off(BEGIN - 1), leaving(BEGIN + 1, "price")],
        0,
        {},
    ),
    "two customers with one reason": (
        [
            *(on(ago(90)), off(CHURN), leaving(ago(3), "price")),
            *(on(ago(9), "d"), off(CHURN, "d"), leaving(ago(1), "price", "bugs", name="g", customer="d")),
        ],
        2,
        {"price": 2, "bugs": 1},
    ),
}


@pytest.mark.parametrize(("events", "expected_answered", "expected"), CASES.values(), ids=CASES)
def test_churns(events: list[JoinedEvent], expected_answered: int, expected: Reasons) -> None:
    """Of the window of 30 d."""
    series = series_of_case(*events, settings=SETTINGS)
    assert answered(series) == expected_answered
    assert reasons(series) == expected


def test_a_notice_is_no_churn() -> None:
    series = series_of_case(
        on(ago(90)),
        event("notice", CHURN, customer_id="c", effective_at=time_text(NOW)),
        leaving(ago(3), "price"),
    )
    assert answered(series) == 0
    assert reasons(series) == {}


def test_a_churn_is_in_the_windows_of_its_own_time() -> None:
    """An answer of the last hour gives reasons to a churn of two days ago."""
    series = series_of_case(on(ago(20), plan="pro"), off(CHURN), leaving(NOW, "price"))
    assert {window: answered(series, window) for window in ("1h", "24h", "7d", "30d")} == {
        "1h": 0,
        "24h": 0,
        "7d": 1,
        "30d": 1,
    }
    assert {dict(key)["window"] for key in series["cx_churn_exit_reasons"]} == {"7d", "30d"}
    assert reasons(series, view="plan", plan="pro") == {"price": 1}


def test_reasons_past_the_fiftieth_are_shown_together() -> None:
    """By number, then by code: r00 has two churns, r01 to r49 are the first of the rest."""
    codes = [f"r{n:02}" for n in range(52)]
    answers = [leaving(ago(3), *codes[n : n + 13], name=f"f{n}", customer=f"c{n}") for n in range(0, 52, 13)]
    answers.append(leaving(ago(3), "r00", name="g", customer="d"))
    people = [*(f"c{n}" for n in range(0, 52, 13)), "d"]
    lives = [life_event for name in people for life_event in (on(ago(20), name), off(CHURN, name))]
    series = series_of_case(*answers, *lives)
    assert answered(series) == 5
    assert reasons(series) == {"r00": 2, **dict.fromkeys(codes[1:50], 1), "__other__": 2}
