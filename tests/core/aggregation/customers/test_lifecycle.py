"""The life events of a customer that stay when they are older than the retention."""

from stream.core.aggregation.customers import lifecycle
from stream.core.aggregation.customers.entity import Activated, Churned, Customer, LifeEvent, Scheduled

FLOOR = 1_000
"""A minute; events of a time before it whose records are older too are past."""


def on(minute: int, record: int = 0) -> Activated:
    return Activated(minute * 60_000, f"on {minute}", "/s", record, None, None, ())


def off(minute: int, record: int = 0) -> Churned:
    return Churned(minute * 60_000, f"off {minute}", "/s", record, "unknown", voluntary=True)


def notice(minute: int, record: int = 0) -> Scheduled:
    return Scheduled(minute * 60_000, f"notice {minute}", "/s", record)


def left(*log: LifeEvent) -> tuple[list[str], int]:
    customer = Customer(life_events=list(log), retention_start=FLOOR)
    before = lifecycle.replay(customer.life_events)
    lifecycle.forget(customer)
    after = lifecycle.replay(customer.life_events)
    assert (after.active, after.cancel_scheduled) == (before.active, before.cancel_scheduled)
    assert after.ignored_churns + customer.ignored_churns == before.ignored_churns
    return [event.id for event in customer.life_events], customer.ignored_churns


def test_start_and_last_activation_of_a_present_life_stay() -> None:
    """Updates between them and former lives go."""
    assert left(on(1), off(2), on(3), on(4), on(5), on(6)) == (["on 3", "on 6"], 0)


def test_a_notice_stays_while_it_is_the_last_event() -> None:
    """Else it says nothing."""
    assert left(on(1), notice(2), notice(3)) == (["on 1", "notice 3"], 0)
    assert left(on(1), notice(2), on(3)) == (["on 1", "on 3"], 0)


def test_last_activation_and_churn_of_a_former_customer_stay() -> None:
    """For the dimensions, and so that an older activation that comes late revives nobody."""
    assert left(on(1), off(2), on(3), on(4), off(5)) == (["on 4", "off 5"], 0)


def test_churns_of_nobody_stay_counted() -> None:
    """Though their events go."""
    assert left(off(1), off(2), off(3)) == (["off 3"], 2)
    assert left(on(1), off(2), off(3), off(4)) == (["on 1", "off 4"], 2)


def test_nothing_after_the_first_young_event_is_forgotten() -> None:
    """A young one may be of old: its place among its neighbours must not change. Nor one of a young time."""
    young = off(2, record=FLOOR)
    assert left(on(1), young, on(3), on(4), on(5))[0] == ["on 1", "off 2", "on 3", "on 4", "on 5"]
    assert left(on(1), on(2), on(FLOOR), on(FLOOR + 1))[0] == ["on 1", "on 2", "on 1000", "on 1001"]


def test_forgetting_twice_is_forgetting_once() -> None:
    """What was needed still is."""
    customer = Customer(life_events=[on(1), on(2), off(3), on(4), on(5), notice(6)], retention_start=FLOOR)
    lifecycle.forget(customer)
    once = list(customer.life_events)
    lifecycle.forget(customer)
    assert customer.life_events == once


def test_steps_stay_and_of_what_is_between_them_the_newest() -> None:
    """Whoever is activated anew every minute, or leaves again and again: no step is lost, no churn uncounted."""
    customer = Customer()
    for minute in range(0, 100, 2):
        assert lifecycle.insert_event(customer, on(minute))
    for minute in (200, 202, 204, *range(206, 300, 2)):
        assert lifecycle.insert_event(customer, off(minute))
    assert lifecycle.insert_event(customer, on(400))
    lives = lifecycle.replay(customer.life_events)
    assert [event.id for event in lives.starts] == ["on 0", "on 400"]
    assert [event.id for event in lives.ends] == ["off 200"]
    assert lives.ignored_churns + customer.ignored_churns == 49
    assert len(customer.life_events) <= 4 + lifecycle.MAX_OTHER_EVENTS
