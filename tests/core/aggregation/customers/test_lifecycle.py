"""Life events of a customer that are kept after the retention."""

from stream.core.aggregation.customers import lifecycle
from stream.core.aggregation.customers.entity import Activated, Churned, Customer, LifeEvent, Scheduled

RETENTION_START = 1_000
"""In minutes. An event expires when its time and its record's timestamp are both older."""


def activation(minute: int, record: int = 0) -> Activated:
    return Activated(minute * 60_000, f"on {minute}", "/s", record, None, None, ())


def churn(minute: int, record: int = 0) -> Churned:
    return Churned(minute * 60_000, f"off {minute}", "/s", record, "unknown", voluntary=True)


def notice(minute: int, record: int = 0) -> Scheduled:
    return Scheduled(minute * 60_000, f"notice {minute}", "/s", record)


def forget(*life_events: LifeEvent) -> tuple[list[str], int]:
    customer = Customer(life_events=list(life_events), retention_start=RETENTION_START)
    before = lifecycle.replay(customer.life_events)
    lifecycle.forget(customer)
    after = lifecycle.replay(customer.life_events)
    assert (after.active, after.cancel_scheduled) == (before.active, before.cancel_scheduled)
    assert after.ignored_churns + customer.ignored_churns == before.ignored_churns
    return [event.id for event in customer.life_events], customer.ignored_churns


def test_the_first_and_last_activation_of_the_present_life_are_kept() -> None:
    """Updates between them and former lives are removed."""
    assert forget(activation(1), churn(2), activation(3), activation(4), activation(5), activation(6)) == (
        ["on 3", "on 6"],
        0,
    )


def test_a_notice_is_kept_while_it_is_the_last_event() -> None:
    """Any later event replaces it."""
    assert forget(activation(1), notice(2), notice(3)) == (["on 1", "notice 3"], 0)
    assert forget(activation(1), notice(2), activation(3)) == (["on 1", "on 3"], 0)


def test_the_last_activation_and_churn_of_a_former_customer_are_kept() -> None:
    """The dimensions are needed, and an older activation that comes late must not start a life."""
    assert forget(activation(1), churn(2), activation(3), activation(4), churn(5)) == (["on 4", "off 5"], 0)


def test_ignored_churns_stay_counted() -> None:
    """Their events are removed."""
    assert forget(churn(1), churn(2), churn(3)) == (["off 3"], 2)
    assert forget(activation(1), churn(2), churn(3), churn(4)) == (["on 1", "off 4"], 2)


def test_events_after_the_first_young_event_are_kept() -> None:
    """Events around a young record or of a young time are needed to order it."""
    young_churn = churn(2, record=RETENTION_START)
    assert forget(activation(1), young_churn, activation(3), activation(4), activation(5))[0] == [
        "on 1",
        "off 2",
        "on 3",
        "on 4",
        "on 5",
    ]
    assert forget(activation(1), activation(2), activation(RETENTION_START), activation(RETENTION_START + 1))[
        0
    ] == ["on 1", "on 2", "on 1000", "on 1001"]


def test_forgetting_is_idempotent() -> None:
    """The second pass removes nothing."""
    customer = Customer(
        life_events=[activation(1), activation(2), churn(3), activation(4), activation(5), notice(6)],
        retention_start=RETENTION_START,
    )
    lifecycle.forget(customer)
    after_once = list(customer.life_events)
    lifecycle.forget(customer)
    assert customer.life_events == after_once


def test_changes_of_state_and_the_newest_events_between_them_are_kept() -> None:
    """No change of state and no churn is lost for a customer with an event every minute."""
    customer = Customer()
    for minute in range(0, 100, 2):
        assert lifecycle.insert_event(customer, activation(minute))
    for minute in (200, 202, 204, *range(206, 300, 2)):
        assert lifecycle.insert_event(customer, churn(minute))
    assert lifecycle.insert_event(customer, activation(400))
    lives = lifecycle.replay(customer.life_events)
    assert [event.id for event in lives.starts] == ["on 0", "on 400"]
    assert [event.id for event in lives.ends] == ["off 200"]
    assert lives.ignored_churns + customer.ignored_churns == 49
    assert len(customer.life_events) <= 4 + lifecycle.MAX_OTHER_EVENTS
