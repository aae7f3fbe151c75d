"""Lives of a customer by moments, and their events that are kept when others are dropped."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.core.aggregation.customers import lifecycle
from stream.core.aggregation.customers.attributes import present_attributes
from stream.core.aggregation.customers.entity import (
    Activated,
    Churned,
    Customer,
    LifeEvent,
    Scheduled,
    Updated,
    Withdrawn,
)

RETENTION_START = 1_000
"""In minutes. An event expires when its time and the watermark at its record are both older."""


def activation(
    minute: int, judged: int = 0, values: tuple[str | None, ...] = (), margin: int | None = None
) -> Activated:
    return Activated(minute * 60_000, f"on {minute}", judged, margin, values, repr((values, margin)).encode())


def update(minute: int, *values: str | None, margin: int | None = None) -> Updated:
    return Updated(minute * 60_000, f"update {minute}", 0, margin, values, repr((values, margin)).encode())


def churn(minute: int, judged: int = 0) -> Churned:
    return Churned(minute * 60_000, f"off {minute}", judged, "unknown", voluntary=True)


def notice(minute: int) -> Scheduled:
    return Scheduled(minute * 60_000, f"notice {minute}", 0)


def withdrawal(minute: int) -> Withdrawn:
    return Withdrawn(minute * 60_000, f"withdrawal {minute}", 0)


def replayed(*life_events: LifeEvent) -> lifecycle.Lifecycle:
    """Return the lives of events that arrive from last to first."""
    customer = Customer()
    for event in reversed(life_events):
        assert lifecycle.insert_event(customer, event)
    return lifecycle.replay(customer.life_events)


def steps(*life_events: LifeEvent) -> list[str]:
    """Return the IDs of the steps and of the ignored churns."""
    lives = replayed(*life_events)
    return [event.id for event in (*lives.starts, *lives.ends, *lives.ignored_churns)]


def test_an_activation_and_a_churn_of_one_moment_are_a_switch_of_an_active_customer() -> None:
    """Neither a churn nor a new life. A later churn ends the life of the first activation."""
    assert steps(activation(1), activation(5), churn(5)) == ["on 1"]
    assert steps(activation(1), activation(5), churn(5), churn(7)) == ["on 1", "off 7"]


def test_of_somebody_who_was_not_active_they_are_a_life_of_no_length() -> None:
    """The first one and a return. The state before all events of the moment decides."""
    assert steps(activation(5), churn(5)) == ["on 5", "off 5"]
    assert steps(activation(1), churn(2), activation(5), churn(5)) == ["on 1", "on 5", "off 2", "off 5"]
    assert steps(activation(5), churn(5), churn(6)) == ["on 5", "off 5", "off 6"]
    assert not replayed(activation(5), churn(5)).active


def test_several_activations_of_one_moment_are_one_step() -> None:
    """They are told apart by their content."""
    other = activation(5, margin=1)
    assert steps(activation(5), other, churn(5)) == ["on 5", "off 5"]
    assert steps(activation(1), activation(5), other, churn(5)) == ["on 1"]


def test_a_cancellation_is_scheduled_while_the_notice_is_the_last_life_event() -> None:
    """Activations, switches and withdrawals clear it. Updates do not."""
    for after in ((), (update(4, "web"),), (notice(4),), (withdrawal(4), notice(5)), (withdrawal(2),)):
        assert replayed(activation(1), notice(3), *after).cancel_scheduled, after
    for after in (
        (activation(4),),
        (activation(4), churn(4)),
        (withdrawal(4),),
        (withdrawal(3),),
        (withdrawal(4), update(5, "web")),
    ):
        assert not replayed(activation(1), notice(3), *after).cancel_scheduled, after


def test_a_notice_of_the_moment_of_a_switch_counts() -> None:
    """It sorts after both events of the switch. A notice of somebody inactive is none."""
    assert replayed(activation(1), activation(3), churn(3), notice(3)).cancel_scheduled
    assert not replayed(activation(1), churn(3), notice(3)).cancel_scheduled
    assert not replayed(notice(3)).cancel_scheduled
    assert not replayed(notice(1), activation(3)).cancel_scheduled


def test_updates_change_only_what_they_name() -> None:
    """An activation replaces all of it. An update of its moment sorts after it."""
    events = [
        activation(1, values=("web", "pro"), margin=5),
        update(2, None, "free"),
        update(3, None, None, "eu", margin=0),
    ]
    assert present_attributes(events) == (("web", "free", "eu"), 0)
    assert present_attributes([*events, activation(4, values=("app",))]) == (("app",), None)
    assert present_attributes([*events, activation(4, values=("app",)), update(4, None, "x")]) == (
        ("app", "x"),
        None,
    )
    assert present_attributes([update(1, "web", margin=7), update(2, None, "pro")]) == (("web", "pro"), 7)
    assert present_attributes([]) == ((), None)


def test_natural_keys() -> None:
    """Type and time, and of activations and updates the content. The ID is no part of it."""
    customer = Customer()
    for event in (activation(1), churn(1), notice(1), withdrawal(1), update(1, "web")):
        assert lifecycle.insert_event(customer, event)
        assert not lifecycle.insert_event(
            customer,
            type(event)(*[getattr(event, f) if f != "id" else "new" for f in event.__struct_fields__]),
        )
    assert lifecycle.insert_event(customer, activation(1, values=("web",)))
    assert lifecycle.insert_event(customer, update(1, "app"))
    assert not lifecycle.insert_event(customer, Churned(60_000, "x", 0, "another", voluntary=False))


def forget(*life_events: LifeEvent) -> list[str]:
    """Return the IDs of the events that are kept."""
    customer = Customer(life_events=list(life_events), retention_start=RETENTION_START)
    before = state(customer.life_events)
    lifecycle.forget(customer)
    assert state(customer.life_events) == before
    kept = list(customer.life_events)
    lifecycle.forget(customer)
    assert customer.life_events == kept
    return [event.id for event in kept]


def state(events: list[LifeEvent]) -> tuple[Any, ...]:
    lives = lifecycle.replay(events)
    return lives.active, lives.cancel_scheduled, present_attributes(events)


def test_the_start_and_the_last_activation_of_the_present_life_are_kept() -> None:
    """Those between them and former lives are removed."""
    assert forget(activation(1), churn(2), activation(3), activation(4), activation(5), activation(6)) == [
        "on 3",
        "on 6",
    ]


def test_a_notice_is_kept_while_it_is_the_last_event() -> None:
    """Any later life event replaces it."""
    assert forget(activation(1), notice(2), notice(3), update(4)) == ["on 1", "notice 3"]
    assert forget(activation(1), notice(2), activation(3)) == ["on 1", "on 3"]


def test_the_last_activation_and_churn_of_a_former_customer_are_kept() -> None:
    """The dimensions are needed, and an older activation that comes late must not start a life."""
    assert forget(activation(1), churn(2), activation(3), activation(4), churn(5)) == ["on 4", "off 5"]
    assert forget(activation(1), churn(2), churn(3), churn(4)) == ["on 1", "off 2", "off 4"]
    assert forget(churn(1), churn(2), churn(3)) == ["off 3"]


@pytest.mark.parametrize(
    ("events", "late", "active"),
    [
        ([activation(1), activation(5), activation(7), churn(7)], churn(3), True),
        ([activation(1), activation(5), activation(7), churn(7)], churn(6), False),
        ([activation(1), activation(7), churn(7), notice(8)], churn(6), False),
        ([activation(1), churn(2), churn(4), notice(5)], activation(3), False),
        ([activation(1), churn(2), activation(5), churn(5)], activation(4), True),
        ([activation(1), churn(2), activation(5), churn(5)], activation(1, margin=1), False),
        ([activation(1), churn(3), churn(5)], activation(5), False),
    ],
)
def test_a_late_event_finds_the_events_that_decide(
    events: list[LifeEvent], late: LifeEvent, *, active: bool
) -> None:
    """The last moment with an activation or a churn alone is kept, and those with both after it may go."""
    customer = Customer(life_events=list(events), retention_start=RETENTION_START)
    lifecycle.forget(customer)
    assert lifecycle.insert_event(customer, late)
    assert lifecycle.replay(customer.life_events).active == active
    assert replayed(*sorted([*events, late], key=lifecycle.event_order)).active == active


def test_a_switch_is_kept_whole_or_not_at_all() -> None:
    """Its churn would end the life without its activation."""
    assert forget(activation(1), activation(3), churn(3), activation(5)) == ["on 1", "on 5"]
    assert forget(activation(1), activation(3), churn(3)) == ["on 1", "on 3", "off 3"]


def test_updates_that_a_present_value_is_from_are_kept() -> None:
    """Of each value the last one, and none before the last activation."""
    events = [update(1, "web"), activation(2), update(3, "app", "x"), update(4, None, "y"), update(5, "web")]
    assert forget(*events) == ["on 2", "update 4", "update 5"]
    assert forget(update(1, "web"), update(2, None, "y"), update(3, "app")) == ["update 2", "update 3"]


def test_events_after_the_first_young_event_are_kept() -> None:
    """Events around a young record or of a young time are needed to order it."""
    young_churn = churn(2, judged=RETENTION_START)
    assert forget(activation(1), young_churn, activation(3), activation(4), activation(5)) == [
        "on 1",
        "off 2",
        "on 3",
        "on 4",
        "on 5",
    ]
    assert forget(
        activation(1), activation(2), activation(RETENTION_START), activation(RETENTION_START + 1)
    ) == [
        "on 1",
        "on 2",
        "on 1000",
        "on 1001",
    ]


values = st.sampled_from([(), ("a",), ("b",), (None, "c"), (None, "d"), ("a", "c"), ("b", "d")])
margins = st.none() | st.integers(0, 2)
minutes = st.integers(1, 12)
life_events = st.one_of(
    st.builds(activation, minutes, values=values, margin=margins),
    st.builds(lambda minute, named, margin: update(minute, *named, margin=margin), minutes, values, margins),
    st.builds(churn, minutes),
    st.builds(churn, minutes),
    st.builds(notice, minutes),
    st.builds(withdrawal, minutes),
)


def customer_with(events: list[LifeEvent]) -> Customer:
    customer = Customer(newest_minute=100, retention_start=-1)
    for event in events:
        lifecycle.insert_event(customer, event)
    return customer


@given(st.lists(life_events, max_size=16), st.lists(st.integers(0, 12), max_size=4), st.data())
def test_forgetting_changes_no_present_state_whatever_comes_later(
    events: list[LifeEvent], late_minutes: list[int], data: st.DataObject
) -> None:
    """Late events of other moments included."""
    customer = customer_with(events)
    everything = list(customer.life_events)
    customer.retention_start = RETENTION_START
    lifecycle.forget(customer)
    moments = {event.time for event in everything}
    late = [data.draw(life_events) for _ in late_minutes]
    late = [event for event in late if event.time not in moments]
    both = customer_with([*everything, *late])
    for event in late:
        lifecycle.insert_event(customer, event)
    assert state(customer.life_events) == state(both.life_events)


@given(st.lists(life_events, min_size=10, max_size=60))
def test_pruning_changes_no_figure_of_events_in_order(events: list[LifeEvent]) -> None:
    """Steps, present state and ignored churns are those of all events."""
    events = sorted(
        {lifecycle.event_order(event)[:2]: event for event in events}.values(), key=lifecycle.event_order
    )
    full = lifecycle.replay(events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "MAX_OTHER_EVENTS", 2)
        patch.setattr(lifecycle, "MAX_SWITCHES", 1)
        customer = customer_with(events)
    pruned = lifecycle.replay(customer.life_events)
    assert (pruned.starts, pruned.ends) == (full.starts, full.ends)
    assert state(customer.life_events) == state(events)
    archived = sum(vector[0] for vector in customer.ignored_churns.values())
    assert archived + len(pruned.ignored_churns) == len(full.ignored_churns)


withdrawn_life = [activation(1), withdrawal(3), notice(4), notice(5), notice(6), churn(10)]


@given(st.lists(life_events, min_size=10, max_size=60), st.lists(st.integers(1, 13), max_size=4))
@example(withdrawn_life, [3])
@example(withdrawn_life, [4])
@example([*withdrawn_life, activation(11), activation(12), notice(13), notice(14), notice(15)], [12])
def test_a_late_notice_meets_all_that_withdraws_it(events: list[LifeEvent], late_minutes: list[int]) -> None:
    """At a moment of its own, in any life, however many events were dropped."""
    moments = {lifecycle.event_order(event)[:2]: event for event in events}
    events = sorted(moments.values(), key=lifecycle.event_order)
    late = [
        Scheduled(minute * 60_000 - 30_000, f"late notice {minute}", 0)
        for minute in dict.fromkeys(late_minutes)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "MAX_OTHER_EVENTS", 2)
        customer = customer_with([*events, *late])
    pruned = lifecycle.replay(customer.life_events)
    full = lifecycle.replay(sorted([*events, *late], key=lifecycle.event_order))
    assert (pruned.starts, pruned.ends, pruned.notices) == (full.starts, full.ends, full.notices)


def test_a_switch_is_pruned_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """One event too many takes both of its events along."""
    monkeypatch.setattr(lifecycle, "MAX_OTHER_EVENTS", 2)
    monkeypatch.setattr(lifecycle, "MAX_SWITCHES", 1)
    switches = [activation(3), churn(3), activation(5), churn(5)]
    customer = customer_with([activation(1), *switches, notice(6), withdrawal(7)])
    assert [event.id for event in customer.life_events] == [
        "on 1",
        "on 5",
        "off 5",
        "notice 6",
        "withdrawal 7",
    ]


def test_steps_and_the_newest_events_between_them_are_kept() -> None:
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
    assert len(lives.ignored_churns) + sum(vector[0] for vector in customer.ignored_churns.values()) == 49
    assert len(customer.life_events) <= 6 + lifecycle.MAX_OTHER_EVENTS
