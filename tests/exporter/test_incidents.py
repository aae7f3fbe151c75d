"""Cards of incidents, from events to the cards and series that an exporter serves."""

import pytest

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackSubmitted
from stream.core.detection.incident_card import Card
from stream.core.detection.streams import STREAMS
from stream.exporter.exposition import line
from stream.exporter.incidents import FAMILIES, LIMITS
from stream.exporter.state import ExporterState
from tests.exporter.in_memory import Worker, apply_records, compacted, exporter, refresh
from tests.exporter.leavers import leavers, open_matters, quiet_month, release
from tests.support import DAY, HOUR, MINUTE, NOW, Event

Series = dict[str, float]


def published(events: list[Event], **env: str) -> ExporterState:
    """Return an exporter that has read these events, in the order of their records."""
    state = exporter(**env)
    apply_records(state, Worker(state)(sorted(events, key=lambda event: event.stamp)))
    return state


def cards(state: ExporterState) -> list[Card]:
    refresh(state)
    return list(state.served_cards.cards)


def text_of(events: list[Event]) -> str:
    """Return the text of the only card after these events."""
    (shown,) = cards(published(events))
    return shown.text


SPIKE = "25 of 935 customers left in 8 minutes (baseline: at most 1); all in channel app; all say `login`; began 14:08 UTC"


def test_a_card_joins_what_is_known() -> None:
    events = [*quiet_month(), *leavers(), *open_matters(), release()]
    assert text_of(events) == (
        f"{SPIKE}, 9 minutes after note release 4.2; 3 tickets of channel app wait over target; "
        "2 customers of channel app have given notice"
    )


def test_clauses_are_absent_without_what_they_say() -> None:
    """Without a note, an open ticket and a notice. A code that half of all churns of the month had does not stand out."""
    assert text_of([*quiet_month(), *leavers()]) == SPIKE
    thirds = [
        event for n, reason in enumerate(("price", "moved", "login")) for event in leavers(reason)[n::3]
    ]
    assert "say" not in text_of([*quiet_month(), *thirds])
    assert "say" not in text_of([*quiet_month(), *leavers("unknown")])


def test_everybody_and_some_are_told_apart() -> None:
    """Of 25 leavers of the app, 20 say why. Few others say something else."""
    some = leavers("login")[:20] + leavers("price")[20:23] + leavers("moved")[23:]
    assert "; 20 say `login`; " in text_of([*quiet_month(), *some])


@pytest.mark.parametrize(
    ("age", "dimensions", "text"),
    [
        (9 * MINUTE, {}, ", 9 minutes after note n"),
        (9 * MINUTE, {"channel": "app"}, ", 9 minutes after note n"),
        (9 * MINUTE, {"channel": "web"}, ""),
        (61 * MINUTE, {}, ""),
        (0, {}, ", at the time of note n"),
        (-MINUTE, {}, ""),
    ],
)
def test_notes_of_the_hour_before_belong_to_the_beginning(
    age: int, dimensions: dict[str, str], text: str
) -> None:
    """Not those of other label sets, nor later ones."""
    assert text_of([*quiet_month(), *leavers(), release("n", age, **dimensions)]) == SPIKE + text


def test_every_figure_of_a_card_is_a_series() -> None:
    """With the same value. The series of cards exist for each label set that is an alert."""
    state = published([*quiet_month(), *leavers(), *open_matters(), release()])
    series = refresh(state)
    (shown,) = state.served_cards.cards
    figures = [figure for clause in shown.clauses for figure in clause.figures]
    assert len(figures) >= 10
    for name, labels, value in figures:
        assert series[line(name, labels, 0).rpartition(" ")[0]] == value
    served = {name for name in series if name.startswith("cx_incident_")}
    assert served == {
        f'cx_incident_{name}{{{labels},of="leaving"{more}}}'
        for name, more in (
            ("since_timestamp_seconds", ""),
            ("reason_events", ',reason="login"'),
            ("note_seconds", ',text="release 4.2"'),
        )
        for labels in ('view="total"', 'view="channel",channel="app"')
    } | {'cx_incident_where_events{view="total",of="leaving",text="channel app"}'}


def test_a_score_has_the_reasons_of_its_detractors() -> None:
    """Sixty detractors of the web within four hours, 45 of whom name the delivery. Before, each fifth did."""
    events = []
    for n in range(600):
        at, reasons = NOW - DAY - n * HOUR, ["delivery" if n % 25 == 1 else "price"]
        score, channel = (3 if n % 5 == 1 else 10), ("web" if n % 2 else "app")
        data = FeedbackSubmitted(
            feedback_id=f"b{n}", survey="nps", score=score, reasons=reasons, channel=channel
        )
        events.append(Event(data, at, at))
    for n in range(60):
        at, reasons = NOW - n * 4 * MINUTE, ["delivery"] if n % 4 else []
        data = FeedbackSubmitted(feedback_id=f"d{n}", survey="nps", score=0, reasons=reasons, channel="web")
        events.append(Event(data, at, at))
    text = text_of(events)
    assert text.startswith("60 detractors in NPS surveys in 4 hours (baseline: at most ")
    assert "; all in channel web; 45 say `delivery`; began 10:15 UTC" in text


def payments(channel: str, times: list[int]) -> list[Event]:
    """Return involuntary churns at these times, and the customers before."""
    return [
        event
        for at in times
        for event in (
            Event(
                CustomerActivated(customer_id=f"{channel}{at}", channel=channel), at - 90 * DAY, at - 90 * DAY
            ),
            Event(CustomerChurned(customer_id=f"{channel}{at}", voluntary=False), at, at),
        )
    ]


QUIET = [*range(NOW - 30 * DAY, NOW - DAY, 8 * HOUR)]
LOST = "were lost against their will in 1 hour (baseline: at most 1); began 14:05 UTC"


@pytest.mark.parametrize(("n", "text"), [(9, f"9 customers {LOST}"), (8, "")])
def test_findings_below_the_limit_have_a_card(n: int, text: str) -> None:
    """Eight failed payments in an hour are remarkable, but no alert: there is neither a card nor a series."""
    state = published([*payments("app", QUIET), *payments("app", [NOW - i * MINUTE for i in range(n)])])
    series = refresh(state)
    assert series['cx_unusual_events{view="total",of="payment_churn"}'] == n
    assert [shown.text for shown in state.served_cards.cards] == [text] * bool(text)
    assert any(name.startswith(tuple(FAMILIES)) for name in series) is bool(text)


def test_a_label_set_has_a_card_of_its_own_if_total_is_no_alert() -> None:
    """With as many payments of the web, the total is not remarkable."""
    quiet = [*payments("app", QUIET), *payments("web", QUIET)]
    assert (
        text_of([*quiet, *payments("app", [NOW - n * MINUTE for n in range(9)])])
        == f"9 customers of channel app {LOST}"
    )


def test_every_stream_has_a_limit() -> None:
    assert LIMITS.keys() == {stream.of for stream in STREAMS}


def test_what_needs_missing_panes_is_left_out() -> None:
    """If hour panes are complete for a week only, the shares of the month are not known. The beginning is."""
    state = exporter()
    events = sorted([*quiet_month(), *leavers()], key=lambda event: event.stamp)
    apply_records(state, Worker(state)(events, complete_since=NOW - 7 * DAY))
    (shown,) = cards(state)
    assert shown.text == SPIKE.replace("; all in channel app; all say `login`", "")
    state = exporter()
    apply_records(state, Worker(state)(events, complete_since=NOW - MINUTE))
    (shown,) = cards(state)
    assert shown.text == "25 of 935 customers left in 8 minutes (baseline: at most 1)"


def test_other_domains_are_left_out_while_they_are_not_complete() -> None:
    """A card keeps the figures of its own domain as long as they are held."""
    state = exporter()
    worker = Worker(state)
    events = sorted([*quiet_month(), *leavers(), *open_matters(), release()], key=lambda event: event.stamp)
    written = worker(events)
    apply_records(state, written)
    (before,) = cards(state)
    assert {clause.kind for clause in before.clauses} >= {"open", "note"}
    apply_records(state, {"customers": worker()["customers"]}, monotonic_ms=40_000)
    refresh(state, 40_000)
    (alone,) = state.served_cards.cards
    assert alone.text == f"{SPIKE}; 2 customers of channel app have given notice"
    refresh(state, 80_000)
    (held,) = state.served_cards.cards
    assert held.text == alone.text
    refresh(state, 80_000 + 600_000)
    assert state.served_cards.cards == []


def test_replicas_and_restarts_have_the_same_cards() -> None:
    """One reads all at once, another refreshes in between, and one reads compacted topics."""
    first = exporter()
    worker = Worker(first)
    parts = [[*quiet_month(), *open_matters()], [release(), *leavers(n=12)], leavers()[12:]]
    written = [worker(sorted(events, key=lambda event: event.stamp)) for events in parts]
    at_once, stepwise, restarted = exporter(), exporter(), exporter()
    for records in written:
        apply_records(at_once, records)
        apply_records(stepwise, records)
        refresh(stepwise)
    apply_records(restarted, compacted(written))
    results = []
    for state in (at_once, stepwise, restarted):
        series = refresh(state)
        of_cards = {name: value for name, value in series.items() if name.startswith("cx_incident_")}
        results.append((state.served_cards.cards, of_cards))
    assert results[0] == results[1] == results[2]
    assert results[0][0][0].text.startswith(SPIKE)


def test_missing_answers_name_the_other_findings() -> None:
    """No answer for ten hours, where there was one of each channel every quarter of an hour."""
    times = range(NOW - 12 * DAY, NOW - 10 * HOUR, 15 * MINUTE)
    events = [
        Event(FeedbackSubmitted(feedback_id=f"{channel}{at}", survey="nps", score=9, channel=channel), at, at)
        for at in times
        for channel in ("app", "web")
    ]
    assert text_of(events) == (
        "Only 0 NPS, CSAT and CES answers in 8 hours (baseline: 64); unusual in channel app; unusual in channel web; "
        "began 04:00 UTC"
    )
