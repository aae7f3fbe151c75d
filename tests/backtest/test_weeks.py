"""Figures by week equal those of a direct count."""

import random
from collections import defaultdict
from statistics import fmean

import pytest

from schemas.customers import CustomerActivated, PurchaseCompleted
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated
from schemas.times import from_ms
from tests.backtest.histories import MONDAY, answers, backtest, conversations, event
from tests.support import DAY, HOUR, Event

WEEK = 7 * DAY
Counted = dict[tuple[int, str | None], tuple[float, int]]
"""Figure and sample size by week and channel, None for all."""


def read(report: object, figure: str) -> Counted:
    weeks = report.weeks  # type: ignore[attr-defined]
    return {
        (number, item.labels.get("channel")): (item.value, int(item.n))
        for number, week in enumerate(weeks)
        for item in week.figures
        if item.figure == figure and item.view in ("total", "channel")
    }


def with_edits(events: list[Event]) -> list[Event]:
    """Return answers of which some are changed a day later, and some come twice."""
    changed = [
        event(
            FeedbackSubmitted(
                feedback_id=item.data.feedback_id,
                survey="nps",
                score=0,
                channel=item.data.channel,
                revision=1,
            ),
            item.at + DAY,
        )
        for item in events[::17]
    ]
    return [*events, *events[::13], *changed]


def test_answers_of_a_week_are_those_that_were_given_in_it() -> None:
    """The file is not in the order of time. Edits count in the week of the first answer."""
    plain = list(answers(16))
    edited = {item.data.feedback_id for item in plain[::17]}
    expected: defaultdict[tuple[int, str | None], list[int]] = defaultdict(list)
    for item in plain:
        score = 0 if item.data.feedback_id in edited else item.data.score
        value = 100 if score >= 9 else -100 if score <= 6 else 0
        for channel in (None, item.data.channel):
            expected[(item.at - MONDAY) // WEEK, channel].append(value)
    mixed = with_edits(plain)
    random.Random(1).shuffle(mixed)
    report = backtest(mixed)
    counted = {key: (pytest.approx(fmean(values)), len(values)) for key, values in expected.items()}
    assert read(report, "cx_nps_score") == counted
    assert [week.start for week in report.weeks] == [from_ms(MONDAY + n * WEEK) for n in range(3)]
    assert report.outcomes["duplicate"] > 50


def test_the_first_and_the_last_week_are_not_whole() -> None:
    report = backtest([item for item in answers(16) if item.at > MONDAY + DAY])
    assert [week.whole for week in report.weeks] == [False, True, False]


def test_first_responses_of_a_week() -> None:
    opened: dict[str, tuple[int, str]] = {}
    waits: defaultdict[tuple[int, str | None], list[float]] = defaultdict(list)
    events = list(conversations(9))
    for item in events:
        name = type(item.data).__name__
        if name == "TicketCreated":
            opened[item.data.ticket_id] = item.at, item.data.channel
        elif name == "TicketMessage":
            at, channel = opened[item.data.ticket_id]
            for key in (None, channel):
                waits[(item.at - MONDAY) // WEEK, key].append(float(item.at - at <= HOUR))
    figures = read(backtest(events), "cx_first_response_within_target_ratio")
    assert figures == {key: (pytest.approx(fmean(values)), len(values)) for key, values in waits.items()}


def test_a_year_without_events_has_the_figures_of_its_customers() -> None:
    """No detector watches these events, so that only the ends of weeks are judged. Sums are no figures."""
    events = [event(CustomerActivated(customer_id=f"c{n}"), MONDAY + n) for n in range(3)]
    purchase = PurchaseCompleted(order_id="o", customer_id="c1", amount_minor=1_000, currency="EUR")
    report = backtest([*events, event(purchase, MONDAY + 365 * DAY)])
    churn = {
        week.start: (figure.value, figure.n)
        for week in report.weeks
        for figure in week.figures
        if figure.figure == "cx_churn_ratio/cohort"
    }
    assert churn == {from_ms(MONDAY + week * WEEK): (0, 3) for week in range(1, 53)}
    assert not any("revenue" in figure.figure for week in report.weeks for figure in week.figures)
    assert report.alerts == []


def test_without_events_there_is_nothing() -> None:
    report = backtest([])
    assert (report.weeks, report.alerts, report.first) == ([], [], None)


def test_the_first_and_the_last_event_are_found_among_those_of_their_minutes() -> None:
    """Also if several domains have events in these minutes."""
    early, late = MONDAY + 10_000, MONDAY + DAY + 50_000
    tickets = [event(TicketCreated(ticket_id=f"t{n}"), at) for n, at in enumerate((early + 1, late - 1))]
    scores = [
        event(FeedbackSubmitted(feedback_id=f"f{n}", survey="nps", score=9), at)
        for n, at in enumerate((early, late - 2, late))
    ]
    report = backtest([*tickets, *scores])
    assert (report.first, report.last) == (from_ms(early), from_ms(late))
