"""Of a customer the newest 16 counting answers can change. Older ones are final, and an answer older than all is not joined."""

import pytest

from tests.core.aggregation.pipeline import Series
from tests.definitions.joined_cases import (
    ago,
    bought,
    csat,
    event,
    exposed_series,
    leaving,
    nps,
    off,
    on,
    reply,
    ticket,
    values,
    without,
)
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.settings import HOUR

KNOWN = 16


def exposed(series: Series) -> dict[str, float]:
    return values(series, "cx_class_exposed_customers", "class", survey="nps")


def satisfied(series: Series) -> dict[str, float]:
    """Return the satisfied answers about tickets by fate."""
    return values(series, "cx_ticket_csat_responses", "first_response", satisfied="true")


def detractor_then_promoter(n: int) -> list[JoinedEvent]:
    """Return n answers of one customer, an hour apart: the first is 0, the others are 9."""
    return [nps(ago(6, i * HOUR), 9 if i else 0, f"f{i:02}") for i in range(n)]


CHANGES = {
    "edited": [nps(ago(1), 9, "f00", revision=1)],
    "deleted": [without(ago(1), "f00")],
    "moved": [event("offered", ago(1), feedback_id="f00", survey="nps", customer_id="d")],
    "dismissed": [nps(ago(1), None, "f00", revision=1)],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_oldest_of_sixteen_changes(change: list[JoinedEvent]) -> None:
    series = exposed_series(on(ago(20)), *detractor_then_promoter(KNOWN), *change)
    assert exposed(series) == {"none": 1, "promoter": 1}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_oldest_of_seventeen_is_final(change: list[JoinedEvent]) -> None:
    series = exposed_series(on(ago(20)), *detractor_then_promoter(KNOWN + 1), *change)
    assert exposed(series) == {"none": 1, "detractor": 1, "promoter": 1}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_answers_that_do_not_count_take_no_room(change: list[JoinedEvent]) -> None:
    """A dismissed, a premature and a deleted answer, and one to CES, are none of the sixteen."""
    others = [
        nps(ago(2), None, "x1"),
        nps(ago(2), 9, "x2", transaction_time="2100-01-01T00:00:00Z"),
        without(ago(2), "x3"),
        nps(ago(2), 9, "x3"),
        event("submitted", ago(2), feedback_id="x4", survey="ces", score=1, customer_id="c"),
    ]
    series = exposed_series(on(ago(20)), *detractor_then_promoter(KNOWN), *others, *change)
    assert exposed(series) == {"none": 1, "promoter": 1}


def test_a_final_answer_stays_final_when_there_is_room() -> None:
    """An edit with an earlier time would be a second answer beside the final one."""
    events = [on(ago(20)), *detractor_then_promoter(KNOWN + 1), without(ago(1), f"f{KNOWN}")]
    edit = nps(ago(6.5), 8, "f00", revision=1)
    assert exposed(exposed_series(*events, edit)) == {"none": 1, "detractor": 1, "promoter": 1}


def test_an_older_answer_than_sixteen_is_not_joined() -> None:
    events = [on(ago(20)), *detractor_then_promoter(KNOWN)]
    older = nps(ago(6) - 1, 8, "g")
    assert exposed(exposed_series(*events[:-1], older)) == {
        "none": 1,
        "passive": 1,
        "detractor": 1,
        "promoter": 1,
    }
    assert exposed(exposed_series(*events, older)) == {"none": 1, "detractor": 1, "promoter": 1}


def test_answers_to_all_surveys_count_towards_the_sixteen() -> None:
    """The class and the exit reasons of final answers stay, also for money and churns that are read later."""
    fill = [csat(ago(5, n * HOUR), 5, f"g{n:02}") for n in range(KNOWN)]
    first = [nps(ago(6), 0, "f00"), leaving(ago(6), "price", name="f01")]
    lost = [nps(ago(1), 9, "f00", revision=1), leaving(ago(1), "bugs", name="f01", revision=1)]
    later = [bought(ago(5.5), 100), off(ago(4)), *lost]
    series = exposed_series(on(ago(20)), *first, *fill, *later)
    assert values(series, "cx_class_revenue", "class", survey="nps", currency="EUR") == {"detractor": 1}
    assert values(series, "cx_class_churned_customers", "class", survey="nps") == {"detractor": 1}
    assert values(series, "cx_churn_exit_reasons", "reason") == {"price": 1}


def test_final_answers_about_a_ticket_have_its_present_fate() -> None:
    """All of twenty answers count. The first four are final, but a merged ticket takes them along."""
    answers = [csat(ago(6, n), 5, f"f{n:02}", ticket_id="t") for n in range(20)]
    events = [ticket(ago(6)), *answers, without(ago(1), "f03"), without(ago(1), "f04")]
    assert satisfied(exposed_series(*events)) == {"none": 19}
    assert satisfied(exposed_series(*events, reply(ago(6, HOUR)))) == {"in_time": 19}
    assert satisfied(exposed_series(*events, event("deleted", ago(1), ticket_id="t"))) == {}


def test_lives_and_purchases_past_a_hundred_keep_their_classes() -> None:
    """Of more lives and purchases than are kept one by one all are counted by class, and by exit reason."""
    lives = [
        life_event
        for n in range(110)
        for life_event in (on(ago(5, 3 * n)), bought(ago(5, 3 * n), 100), off(ago(5, 3 * n + 1)))
    ]
    series = exposed_series(nps(ago(6), 9), leaving(ago(5), "price", name="g"), *lives)
    assert exposed(series) == {"promoter": 110}
    assert values(series, "cx_class_churned_customers", "class", survey="nps") == {"promoter": 110}
    assert values(series, "cx_class_revenue", "class", survey="nps", currency="EUR") == {"promoter": 110}
    assert values(series, "cx_churn_exit_reasons", "reason") == {"price": 110}
