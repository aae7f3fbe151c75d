"""Ticket satisfaction: answers by satisfaction and fate of the first response, each number worked out by hand."""

import json

import pytest

from tests.core.aggregation.pipeline import Pipeline, Series
from tests.definitions.joined_cases import (
    START,
    ago,
    csat,
    event,
    exposed_series,
    later,
    leaving,
    nps,
    off,
    on,
    reply,
    series_of_case,
    status,
    ticket,
    values,
    without,
)
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.joined_reading import JoinedSettings
from tests.definitions.settings import DAY, HOUR, MINUTE, SECOND, Settings, Target
from tests.definitions.test_joined import env
from tests.definitions.test_restarts import restarted
from tests.support import NOW

Answers = dict[tuple[str, bool], int]
"""Numbers of answers by fate and satisfaction, without zeros."""

OPENED = ago(5)
IN_TIME, LATE = reply(OPENED + HOUR), reply(OPENED + HOUR + 1)
"""The default target is 1 h, inside."""


def answers_by_fate(series: Series, view: str = "total", window: str = "7d", **labels: str) -> Answers:
    """Return the answers of a view without zeros."""
    known = [(dict(key), value) for key, value in series.get("cx_ticket_csat_responses", {}).items()]
    wanted = {"view": view, "window": window, **labels}
    return {
        (key["first_response"], key["satisfied"] == "true"): int(value)
        for key, value in known
        if value and {k: v for k, v in key.items() if k not in ("first_response", "satisfied")} == wanted
    }


CASES: dict[str, tuple[list[JoinedEvent], Answers]] = {
    "a first response at the target is in time": (
        [ticket(OPENED), IN_TIME, csat(ago(4), 5)],
        {("in_time", True): 1},
    ),
    "1 ms later it is late": ([ticket(OPENED), LATE, csat(ago(4), 1)], {("late", False): 1}),
    "without a first response the fate is none": ([ticket(OPENED), csat(ago(4), 3)], {("none", False): 1}),
    "the present fate counts, also of an answer before the reply": (
        [ticket(OPENED), csat(OPENED + 1, 4), LATE],
        {("late", True): 1},
    ),
    "an answer before its ticket counts": (
        [csat(ago(6), 5), ticket(OPENED), IN_TIME],
        {("in_time", True): 1},
    ),
    "a note, a bot and a status are no response": (
        [
            ticket(OPENED),
            reply(OPENED + 1, public=False),
            event("message", OPENED + 2, ticket_id="t", message_id="b", author="bot"),
            status(OPENED + 3, "solved"),
            csat(ago(4), 5),
        ],
        {("none", True): 1},
    ),
    "a call is a response": (
        [
            ticket(OPENED),
            event(
                "handled",
                OPENED + 2 * HOUR,
                interaction_id="i",
                ticket_id="t",
                talk_s=3600,
                hold_s=0,
                wrap_s=0,
            ),
            csat(ago(4), 5),
        ],
        {("in_time", True): 1},
    ),
    "of a reopened ticket the very first response counts": (
        [
            *(ticket(OPENED), IN_TIME, status(ago(4), "solved"), status(ago(3), "open")),
            *(reply(ago(1)), csat(ago(1), 2)),
        ],
        {("in_time", False): 1},
    ),
    "a reopening discards a cycle: the response after it is the first": (
        [
            *(ticket(OPENED), status(ago(4), "solved"), status(ago(3), "open")),
            *(reply(ago(3) + HOUR), csat(ago(1), 5)),
        ],
        {("in_time", True): 1},
    ),
    "of a ticket opened by an agent a reply to the customer's first message counts": (
        [
            ticket(OPENED, opened_by="agent"),
            reply(OPENED + 1),
            event("message", OPENED + DAY, ticket_id="t", message_id="m", author="customer"),
            reply(OPENED + DAY + 2 * HOUR),
            csat(ago(3), 5),
        ],
        {("late", True): 1},
    ),
    "a merged ticket is none": (
        [
            *(ticket(OPENED), IN_TIME, csat(ago(4), 5)),
            event("merged", ago(3), ticket_id="t", into="u"),
        ],
        {},
    ),
    "the answer does not go to the ticket that it was merged into": (
        [
            *(ticket(OPENED), ticket(OPENED, "u"), csat(ago(4), 5)),
            *(event("merged", ago(3), ticket_id="t", into="u"), status(ago(2), "open")),
        ],
        {},
    ),
    "a deleted ticket is none": (
        [ticket(OPENED), csat(ago(4), 5), event("deleted", ago(3), ticket_id="t")],
        {},
    ),
    "a ticket without created is none": ([IN_TIME, csat(ago(4), 5)], {}),
    "a ticket of another customer is none": ([ticket(OPENED, customer="d"), csat(ago(4), 5)], {}),
    "nor is one of nobody": ([ticket(OPENED, customer=None), csat(ago(4), 5)], {}),
    "a ticket that another event gives to the customer is one": (
        [
            *(ticket(OPENED, customer="d"), csat(ago(4), 5)),
            reply(OPENED + 1, customer_id="c"),
        ],
        {("in_time", True): 1},
    ),
    "a ticket that moves to another customer leaves its answers": (
        [
            *(ticket(OPENED), csat(ago(4), 5), csat(ago(4), 1, "g", "d")),
            event("updated", ago(2), ticket_id="t", customer_id="d"),
        ],
        {("none", False): 1},
    ),
    "an answer whose offer names another customer is of that one": (
        [
            *(ticket(OPENED), csat(ago(4), 5)),
            event("offered", ago(3), feedback_id="f", survey="csat", customer_id="d"),
        ],
        {},
    ),
    "an answer that names a ticket only is not joined": (
        [ticket(OPENED), csat(ago(4), 5, customer=None)],
        {},
    ),
    "an answer to NPS is not joined": ([ticket(OPENED), nps(ago(4), 9, ticket_id="t")], {}),
    "an edit replaces score and ticket, and keeps the moment": (
        [
            *(ticket(OPENED), LATE, ticket(OPENED, "u"), reply(OPENED, "u")),
            *(csat(ago(4), 5), csat(ago(1), 1, revision=1, ticket_id="u")),
        ],
        {("in_time", False): 1},
    ),
    "an edit without a ticket leaves it": (
        [ticket(OPENED), csat(ago(4), 5), csat(ago(3), 5, ticket_id=None)],
        {},
    ),
    "a deleted answer is gone": ([ticket(OPENED), csat(ago(4), 5), without(ago(3))], {}),
    "a dismissed one is none": ([ticket(OPENED), csat(ago(4), None)], {}),
    "an answer before its transaction counts": (
        [ticket(OPENED), csat(ago(4), 5, **later(NOW))],
        {("none", True): 1},
    ),
    "several answers about a ticket all count": (
        [ticket(OPENED), IN_TIME, csat(ago(4), 5), csat(ago(4), 4, "g"), csat(ago(3), 1, "h")],
        {("in_time", True): 2, ("in_time", False): 1},
    ),
    "an answer at the window's start is inside": (
        [ticket(ago(20)), csat(START, 5), csat(START - 1, 1, "g")],
        {("none", True): 1},
    ),
}


def with_ticket(events: list[JoinedEvent]) -> list[JoinedEvent]:
    """Return the events with answers that name ticket t, unless they say otherwise."""
    return [
        known._replace(data={"ticket_id": "t"} | known.data) if known.kind == "submitted" else known
        for known in events
    ]


@pytest.mark.parametrize(("events", "expected"), CASES.values(), ids=CASES)
def test_answers(events: list[JoinedEvent], expected: Answers) -> None:
    """Of the window of 7 d."""
    assert answers_by_fate(series_of_case(*with_ticket(events))) == expected


def test_ratios_and_bounds_are_there_with_a_sample() -> None:
    """Of 1 in 2: 0.5 ± 0.40547. All zeros are in `total`."""
    events = [ticket(OPENED), IN_TIME, csat(ago(4), 5), csat(ago(3), 1, "g")]
    series = series_of_case(*with_ticket(events))
    total = {"view": "total", "window": "7d", "first_response": "in_time"}
    for name, expected in (("", 0.5), ("_low", 0.0945312), ("_high", 0.9054688)):
        shown = series[f"cx_ticket_csat_ratio{name}"]
        assert shown[tuple(sorted(total.items()))] == pytest.approx(expected)
        assert {dict(key)["window"] for key in shown} == {"7d", "30d"}
        assert {dict(key)["first_response"] for key in shown} == {"in_time"}
    counted = [key for key in series["cx_ticket_csat_responses"] if dict(key)["view"] == "total"]
    assert len(counted) == 5 * 3 * 2


def test_answers_are_in_the_views_of_the_ticket() -> None:
    """By its present dimensions, whatever those of the customer are."""
    events = [
        ticket(OPENED, channel="web", team="a", topic="bill"),
        event("activated", ago(20), customer_id="c", channel="phone"),
        csat(ago(4), 5, channel="mail"),
        event("updated", ago(1), ticket_id="t", channel="chat"),
    ]
    series = series_of_case(*with_ticket(events))
    for view, labels in (
        ("channel", {"channel": "chat"}),
        ("team", {"team": "a"}),
        ("pair", {"channel": "chat", "team": "a"}),
        ("subject", {"ticket_topic": "bill"}),
    ):
        assert answers_by_fate(series, view, **labels) == {("none", True): 1}
    channels = {dict(key).get("channel") for key in series["cx_ticket_csat_responses"]}
    assert channels == {None, "chat"}


def test_the_target_is_that_at_the_reply() -> None:
    """A transfer later changes the dimensions, not the fate."""
    settings = JoinedSettings(Settings({"chat": Target(30 * SECOND)}, default_target=Target(HOUR)))
    events = [
        ticket(OPENED, channel="web"),
        reply(OPENED + MINUTE),
        event("updated", OPENED + MINUTE + 1, ticket_id="t", channel="chat"),
        csat(ago(4), 5),
    ]
    series = series_of_case(*with_ticket(events), settings=settings)
    assert answers_by_fate(series, "channel", channel="chat") == {("in_time", True): 1}
    moved = [*events[:2], events[2]._replace(at=OPENED), events[3]]
    series = series_of_case(*with_ticket(moved), settings=settings)
    assert answers_by_fate(series, "channel", channel="chat") == {("late", True): 1}


def test_labels_are_dimensions_too() -> None:
    """Of the ticket here, of the customer in the other joined figures. An update changes single labels."""
    events = [
        on(ago(20), labels={"region": "south", "brand": "x"}),
        off(ago(3)),
        ticket(OPENED, labels={"region": "north", "brand": "x"}),
        csat(ago(4), 5, ticket_id="t", labels={"region": "west"}),
        leaving(ago(3), "price", name="g"),
        event("updated", ago(4), ticket_id="t", labels={"region": "east"}),
        event("changed", ago(2), customer_id="c", labels={"region": "center"}),
    ]
    views = json.dumps({"total": [], "region": ["region"], "both": ["brand", "region"]})
    series = exposed_series(*events, CXGAUGE_METRICS_VIEWS=views)
    for labels in ({"view": "region"}, {"view": "both", "brand": "x"}):
        assert answers_by_fate(series, region="east", **labels) == {("none", True): 1}
        churns = values(
            series, "cx_class_churned_customers", "class", survey="csat", region="center", **labels
        )
        assert churns == {"satisfied": 1}
        assert values(series, "cx_churn_exit_reasons", "reason", region="center", **labels) == {"price": 1}
    regions = {dict(key).get("region") for key in series["cx_ticket_csat_responses"]}
    assert regions == {None, "east"}


def test_fates_are_those_of_the_present_targets() -> None:
    """After a restart with another target. What an erasure left behind keeps its fate."""
    events = [
        *(ticket(OPENED), reply(OPENED + 10 * MINUTE), csat(ago(4), 5, ticket_id="t")),
        *(ticket(OPENED, "u", "d"), reply(OPENED + 10 * MINUTE, "u")),
        *(csat(ago(4), 1, "g", "d", ticket_id="u"), event("erased", ago(1), customer_id="d")),
    ]
    pipeline = Pipeline(**env(JoinedSettings()))
    for published in events:
        pipeline.publish(published.wire(), published.stamp)
        pipeline.run()
    assert answers_by_fate(pipeline.series(NOW)) == {("in_time", True): 1, ("in_time", False): 1}
    strict = JoinedSettings(Settings(default_target=Target(5 * MINUTE)))
    restored = restarted(pipeline, env(strict))
    restored.run()
    assert answers_by_fate(restored.series(NOW)) == {("late", True): 1, ("in_time", False): 1}
