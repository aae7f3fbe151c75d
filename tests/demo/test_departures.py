from collections import Counter

import pytest

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackDeleted, FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketMessage
from stream.core.model.confidence import wilson
from stream.demo.business import Business
from stream.demo.check import rates_outside_bounds
from stream.demo.departures import CHURN_RATES, SATISFIED_RATES, Spell, spells
from stream.demo.expected import series
from stream.demo.expected_joined import expected_joined
from stream.demo.story import DAY, MINUTE, Story, TimedEvent

NOW = 1_790_000_000_000


def nps(at, score, number, revision=0, customer="a"):
    answer = FeedbackSubmitted(
        feedback_id=f"f-{number}", survey="nps", score=score, revision=revision, customer_id=customer
    )
    return TimedEvent(at, f"{number}-{revision}", answer)


def test_a_spell_begins_with_an_answer_of_another_class():
    """At the time of its first revision, with the class of its last one. Deleted and dismissed answers begin none."""
    events = [
        nps(10, 9, 1),
        nps(20, 10, 2),
        nps(30, 8, 3),
        nps(35, 2, 3, revision=1),
        nps(40, None, 4),
        nps(50, 7, 5),
        TimedEvent(60, "6", FeedbackDeleted(feedback_id="f-5")),
        nps(70, 9, 7, customer=None),
    ]
    assert spells(events, 0) == {
        "a": [Spell("none", 0, 10), Spell("promoter", 10, 30), Spell("detractor", 30, None)]
    }


@pytest.fixture(scope="module")
def history():
    """The history of the demo."""
    answers = Story().history(NOW)
    return [*answers, *Business().history(NOW, answers)]


def test_the_hidden_rates_are_within_the_bounds_of_the_counts(history):
    """Of a direct count. More detractors than promoters leave."""
    counted = expected_joined(history)
    total = {"view": "total", "window": "30d"}
    bounds = {}
    for name in CHURN_RATES:
        labels = {**total, "survey": "nps", "class": name}
        low, high = wilson(
            counted[series("cx_class_churned_customers", **labels)],
            counted[series("cx_class_exposed_customers", **labels)],
        )
        bounds |= {
            series("cx_class_churn_ratio_low", **labels): low,
            series("cx_class_churn_ratio_high", **labels): high,
        }
    for fate in SATISFIED_RATES:
        n = [
            counted[series("cx_ticket_csat_responses", satisfied=satisfied, first_response=fate, **total)]
            for satisfied in ("true", "false")
        ]
        low, high = wilson(n[0], sum(n))
        bounds |= {
            series("cx_ticket_csat_ratio_low", first_response=fate, **total): low,
            series("cx_ticket_csat_ratio_high", first_response=fate, **total): high,
        }
    assert rates_outside_bounds(bounds) == []
    detractors = series("cx_class_churn_ratio_low", **total, survey="nps", **{"class": "detractor"})
    promoters = series("cx_class_churn_ratio_high", **total, survey="nps", **{"class": "promoter"})
    assert bounds[detractors] > bounds[promoters]
    bounds[detractors] = 0.16
    assert [line.partition("{")[0] for line in rates_outside_bounds(bounds)] == ["cx_class_churn_ratio"]


def test_nobody_leaves_twice_and_exit_answers_follow(history):
    """An exit answer names the reason of the churn."""
    left = Counter(event.data.customer_id for event in history if isinstance(event.data, CustomerChurned))
    assert set(left.values()) == {1}
    reasons = {e.data.customer_id: e.data.reason for e in history if isinstance(e.data, CustomerChurned)}
    exits = [e.data for e in history if isinstance(e.data, FeedbackSubmitted) and e.data.survey == "exit"]
    assert 20 < len(exits) < len(left)
    assert all(answer.reasons == (reasons[answer.customer_id],) for answer in exits)


def test_figures_of_a_worked_case():
    """A promoter stays, a detractor leaves after an exit answer; a late ticket dissatisfies."""
    events = [
        TimedEvent(NOW - 31 * DAY, "1", CustomerActivated(customer_id="a", channel="web")),
        TimedEvent(NOW - 31 * DAY, "2", CustomerActivated(customer_id="b", channel="app")),
        nps(NOW - 9 * DAY, 9, 3),
        nps(NOW - 8 * DAY, 3, 4, customer="b"),
        TimedEvent(NOW - 7 * DAY, "5", CustomerChurned(customer_id="b", reason="price")),
        TimedEvent(
            NOW - 7 * DAY,
            "6",
            FeedbackSubmitted(
                feedback_id="e", survey="exit", score=None, reasons=("price",), customer_id="b"
            ),
        ),
        TimedEvent(NOW - 6 * DAY, "7", TicketCreated(ticket_id="t", customer_id="a", channel="web")),
        TimedEvent(
            NOW - 6 * DAY + 61 * MINUTE, "8", TicketMessage(ticket_id="t", message_id="1", author="agent")
        ),
        TimedEvent(
            NOW - 5 * DAY,
            "9",
            FeedbackSubmitted(feedback_id="r", survey="csat", score=3, ticket_id="t", customer_id="a"),
        ),
    ]
    counted = expected_joined(events)
    total, app = {"view": "total", "window": "30d"}, {"view": "channel", "channel": "app", "window": "30d"}
    nps_labels = {"survey": "nps", "class": "none"}
    assert counted[series("cx_class_exposed_customers", **total, **nps_labels)] == 2
    assert counted[series("cx_class_exposed_customers", **app, **nps_labels)] == 1
    nps_labels["class"] = "detractor"
    assert counted[series("cx_class_churned_customers", **total, **nps_labels)] == 1
    assert counted[series("cx_churn_exit_reasons", reason="price", **app)] == 1
    late = {"satisfied": "false", "first_response": "late"}
    assert counted[series("cx_ticket_csat_responses", **total, **late)] == 1
    assert counted[series("cx_ticket_csat_responses", **app, **late)] == 0
