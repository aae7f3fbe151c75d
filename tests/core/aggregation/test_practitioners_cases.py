"""Corner cases that practitioners reported about other tools, from events in JSON to series."""

import json
from datetime import datetime
from itertools import count as counter
from pathlib import Path
from typing import Any

import pytest

from schemas.times import to_ms
from tests.core.aggregation.pipeline import Labels, Pipeline, Series, count

_ids = counter()
JsonEvent = dict[str, Any]


def ms(time: str) -> int:
    return to_ms(datetime.fromisoformat(time))


def event(kind: str, time: str, event_id: str | None = None, **data: Any) -> tuple[JsonEvent, int]:
    """Return a bare event and its record timestamp, which is its cohort_labels time."""
    fields = {"id": event_id or f"e{next(_ids):04}", "type": f"cx.{kind}.v1", "time": time, "data": data}
    return fields, ms(time)


def ticket(kind: str, time: str, name: str = "t1", **data: Any) -> tuple[JsonEvent, int]:
    return event(f"ticket.{kind}", time, ticket_id=name, **data)


def labels(window: str | None = "30d", view: str = "total", **cohort_labels: str) -> Labels:
    given = cohort_labels | {"view": view} | ({} if window is None else {"window": window})
    return tuple(sorted(given.items()))


def value(
    series: Series, name: str, window: str | None = "30d", view: str = "total", **cohort_labels: str
) -> float | None:
    """Return the value of a series, None if it is absent."""
    return series.get(name, {}).get(labels(window, view, **cohort_labels))


@pytest.mark.parametrize(("reply", "solve"), [("a", "b"), ("z", "b")])
def test_reply_and_solve_in_one_click(reply: str, solve: str) -> None:
    """The ticket was answered, whatever the IDs."""
    at = "2026-11-10T09:10:00Z"
    series = count(
        [
            ticket("created", "2026-11-10T09:00:00Z", customer_id="c"),
            event("ticket.message", at, reply, ticket_id="t1", message_id="m", author="agent"),
            event("ticket.status", at, solve, ticket_id="t1", status="solved", by="agent"),
        ],
        ms(at),
    )
    assert value(series, "cx_resolved_unanswered_tickets") == 0
    assert value(series, "cx_fcr_ratio", basis="provisional") == 1


@pytest.mark.parametrize("keys", ["customer", "none", "random"])
def test_two_runs_of_a_publisher_with_keys_of_their_own(keys: str) -> None:
    """The second run does not know the customer of the first. The owner is in the data."""
    first = [
        ticket("created", "2026-11-10T09:00:00Z", customer_id="c1"),
        event("feedback.offered", "2026-11-10T09:00:00Z", feedback_id="f1", survey="nps"),
        event("feedback.offered", "2026-11-10T09:00:00Z", feedback_id="f2", survey="nps"),
    ]
    second = [
        ticket("message", "2026-11-10T09:10:00Z", message_id="m", author="agent"),
        ticket("status", "2026-11-10T10:00:00Z", status="solved", by="agent"),
        *(
            event(
                "feedback.submitted",
                "2026-11-10T09:20:00Z",
                feedback_id=f"f{n}",
                survey="nps",
                score=score,
                customer_id=f"c{n}",
            )
            for n, score in ((1, 9), (2, 3))
        ),
    ]
    pipeline = Pipeline(partitions=5)
    for run in (first, second):
        for fields, timestamp in run:
            key = {"none": None, "customer": fields["data"].get("customer_id", "?"), "random": fields["id"]}[
                keys
            ]
            pipeline.publish(fields, timestamp, key=key)
        pipeline.run()
    series = pipeline.series(ms("2026-11-10T10:00:00Z"))
    assert value(series, "cx_first_response_mean_seconds") == 600
    assert value(series, "cx_first_responses") == 1
    assert value(series, "cx_open_tickets", None) == 0
    assert value(series, "cx_survey_response_ratio", survey="nps") == 1
    assert not pipeline.dead_letters


def test_a_customer_who_writes_again_is_seen() -> None:
    """Two tickets await a reply, one of them a first one."""
    series = count(
        [
            ticket("created", "2026-11-08T10:00:00Z", "t2"),
            ticket("message", "2026-11-08T10:05:00Z", "t2", message_id="m1", author="agent"),
            ticket("message", "2026-11-08T11:00:00Z", "t2", message_id="m2", author="customer"),
            ticket("message", "2026-11-09T11:00:00Z", "t2", message_id="m3", author="customer"),
            ticket("created", "2026-11-10T10:00:00Z", "t1"),
            ticket("message", "2026-11-10T10:30:00Z", "t1", message_id="m2", author="customer"),
        ],
        ms("2026-11-10T11:00:00Z"),
    )
    assert value(series, "cx_waiting_tickets", None) == 1
    assert value(series, "cx_awaiting_reply_tickets", None) == 2
    assert value(series, "cx_awaiting_reply_oldest_seconds", None) == 48 * 3600


def test_a_transfer_leaves_the_response_with_the_team_that_answered() -> None:
    """The open ticket is the new team's."""
    series = count(
        [
            ticket("created", "2026-11-10T09:00:00Z", customer_id="c1", team="front"),
            ticket("message", "2026-11-10T09:01:00Z", message_id="m1", author="agent"),
            ticket("updated", "2026-11-10T11:00:00Z", team="back"),
        ],
        ms("2026-11-10T11:00:00Z"),
    )
    assert value(series, "cx_first_response_mean_seconds", view="team", team="front") == 60
    assert value(series, "cx_first_responses", view="team", team="front") == 1
    assert not value(series, "cx_first_responses", view="team", team="back")
    assert value(series, "cx_open_tickets", None, "team", team="back") == 1
    assert not value(series, "cx_open_tickets", None, "team", team="front")


def test_a_phone_call_is_the_answer_of_its_ticket() -> None:
    """400 s of talk and 60 s of wrap-up began 140 s after the creation."""
    at = "2026-11-10T09:10:00Z"
    call = {"interaction_id": "i", "ticket_id": "t1", "talk_s": 400, "hold_s": 0, "wrap_s": 60}
    series = count(
        [
            ticket("created", "2026-11-10T09:00:00Z", customer_id="c1", channel="phone"),
            event("interaction.handled", at, channel="phone", **call),
            ticket("status", "2026-11-10T09:10:05Z", status="solved", by="agent"),
        ],
        ms("2026-11-10T09:10:05Z"),
    )
    assert value(series, "cx_first_response_mean_seconds") == 140
    assert value(series, "cx_resolved_unanswered_tickets") == 0
    assert value(series, "cx_fcr_ratio", basis="provisional") == 1


def test_time_pending_and_on_hold_is_told_apart() -> None:
    """One ticket is pending for 96 h, one on hold for 96 h."""
    series = count(
        [
            ticket("created", "2026-11-02T09:00:00Z", "t1"),
            ticket("status", "2026-11-02T10:00:00Z", "t1", status="pending"),
            ticket("status", "2026-11-06T10:00:00Z", "t1", status="open"),
            ticket("status", "2026-11-06T11:00:00Z", "t1", status="solved", by="agent"),
            ticket("created", "2026-11-02T09:00:00Z", "t2"),
            ticket("status", "2026-11-02T10:00:00Z", "t2", status="on_hold"),
            ticket("status", "2026-11-06T10:00:00Z", "t2", status="solved", by="agent"),
        ],
        ms("2026-11-06T11:00:00Z"),
    )
    hours = 3600
    assert value(series, "cx_requester_wait_mean_seconds") == (2 + 97) / 2 * hours
    assert value(series, "cx_agent_wait_mean_seconds") == 96 / 2 * hours
    assert value(series, "cx_on_hold_mean_seconds") == 96 / 2 * hours


def test_the_newest_of_unnumbered_answers_counts() -> None:
    """Dismissed and answered later; answered twice."""

    def answer(time: str, name: str, score: int | None) -> tuple[JsonEvent, int]:
        return event("feedback.submitted", time, feedback_id=name, survey="nps", score=score)

    series = count(
        [
            answer("2026-11-10T10:05:00Z", "s1", 9),
            answer("2026-11-10T10:00:00Z", "s1", None),
            answer("2026-11-10T10:01:00Z", "s2", 3),
            answer("2026-11-10T10:01:20Z", "s2", 9),
        ],
        ms("2026-11-10T10:05:00Z"),
    )
    assert value(series, "cx_nps_score") == 100
    assert value(series, "cx_nps_responses", category="promoter") == 2


def test_a_notice_taken_back_changes_nothing_else() -> None:
    """Channel and margin stay: half of 100 euros."""
    series = count(
        [
            event(
                "customer.activated", "2026-10-01T00:00:00Z", customer_id="c", channel="web", margin_rate=0.5
            ),
            event(
                "purchase.completed",
                "2026-10-02T00:00:00Z",
                order_id="o",
                customer_id="c",
                amount_minor=10_000,
                currency="EUR",
            ),
            event(
                "customer.cancel_scheduled",
                "2026-11-05T00:00:00Z",
                customer_id="c",
                effective_at="2026-11-30T00:00:00Z",
            ),
            event("customer.cancel_withdrawn", "2026-11-06T00:00:00Z", customer_id="c"),
        ],
        ms("2026-11-06T00:00:00Z"),
    )
    assert value(series, "cx_cancel_scheduled_customers", None, "channel", channel="web") == 0
    cohort_labels = {"cohort": "all", "currency": "EUR", "channel": "web"}
    assert value(series, "cx_clv_historical_mean", None, "channel", **cohort_labels) == 50


def test_of_four_points_the_top_two_are_satisfied() -> None:
    """Of thumbs the upper one."""

    def answer(name: str, score: int, scale: list[int], **data: Any) -> tuple[JsonEvent, int]:
        fields = {"feedback_id": name, "survey": "csat", "score": score, "scale": scale}
        return event("feedback.submitted", "2026-11-10T10:00:00Z", **fields, **data)

    answers = [answer(f"f{n}", score, [1, 4]) for n, score in enumerate((4, 3, 3, 1))]
    series = count([*answers, answer("t", 1, [0, 1], touchpoint="thumbs")], ms("2026-11-10T10:00:00Z"))
    assert value(series, "cx_csat_responses", satisfied="true") == 4
    assert value(series, "cx_csat_ratio", view="touchpoint", touchpoint="thumbs") == 1


@pytest.mark.parametrize(
    ("lines", "mean"),
    [
        (("DTSTART;VALUE=DATE:20241102", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20261102"), 3_600),
        (("DTSTART;VALUE=DATE:20241102", "RRULE:FREQ=YEARLY"), 1_800),
        (("DTSTART;TZID=Europe/Rome:20261102T140000", "DTEND;TZID=Europe/Rome:20261102T180000"), 3_600),
        (("DTSTART;TZID=Europe/Rome:20261102T093000", "DURATION:PT8H"), 2_700),
        (("DTSTART;VALUE=DATE:20261102", "TRANSP:TRANSPARENT"), 3_600),
        (("DTSTART;VALUE=DATE:20251103", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1MO"), 1_800),
    ],
)
def test_holidays_of_a_file(tmp_path: Path, lines: tuple[str, ...], mean: float) -> None:
    """Two tickets of 9:00 that are answered at 10:00, on 2 and 4 November 2026."""
    event_lines = ("BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT", "END:VCALENDAR", "")
    (tmp_path / "h.ics").write_text("\r\n".join(event_lines))
    hours = {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = {"name": "it", "timezone": "Europe/Rome", "hours": hours}
    calendars = json.dumps([calendar | {"holidays_file": str(tmp_path / "h.ics")}])
    events = [
        fields
        for day, name in (("02", "t1"), ("04", "t2"))
        for fields in (
            ticket("created", f"2026-11-{day}T09:00:00+01:00", name),
            ticket("message", f"2026-11-{day}T10:00:00+01:00", name, message_id="m", author="agent"),
        )
    ]
    series = count(events, ms("2026-11-04T10:00:00+01:00"), CXGAUGE_CALENDARS=calendars)
    assert value(series, "cx_first_response_business_mean_seconds") == mean


def test_offsets_without_colon_and_digits_beyond_the_millisecond() -> None:
    """Both are taken, and digits are cut: the answer is in the minute before."""
    times = ("2026-06-17T11:00:00+0200", "2026-06-17T08:59:59.999999999Z")
    pipeline = Pipeline()
    for n, time in enumerate(times):
        fields, _ = event(
            "feedback.submitted", "2026-06-17T09:00:00Z", feedback_id=f"{n}", survey="nps", score=9
        )
        pipeline.publish(fields | {"time": time}, ms("2026-06-17T09:00:00Z"))
    pipeline.run()
    assert pipeline.outcomes("feedback") == {"accepted": 2}
    series = pipeline.series(ms("2026-06-17T09:59:00Z"))
    assert value(series, "cx_nps_responses", "1h", category="promoter") == 1


def test_a_currency_that_is_on_no_list_is_invalid() -> None:
    """The dead letter says which field, what came and what is allowed."""
    pipeline = Pipeline()
    fields = {"order_id": "o", "customer_id": "c", "amount_minor": 1, "currency": "ABC"}
    pipeline.publish(*event("purchase.completed", "2026-06-16T08:00:00Z", **fields))
    pipeline.run()
    assert pipeline.outcomes("customers") == {"invalid": 1}
    (dead_letter,) = pipeline.dead_letters
    assert dict(dead_letter.headers)["cx_detail"] == (
        b"data.currency: expected an ISO 4217 code of a currency that has decimals, got 'ABC'"
    )
