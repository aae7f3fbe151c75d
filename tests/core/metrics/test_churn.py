"""Churn in worked cases and special cases."""

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import churn
from tests.core.aggregation.customers.events import activated, churned, counted, notice, outcomes
from tests.support import DAY, HOUR, MINUTE, NOW, Event, aggregation_config, figures

START = NOW // HOUR * HOUR - 30 * DAY + HOUR
"""The start of the window of 30 d at NOW."""
COHORT, SEED = ("cx_churn_ratio", "cohort"), ("cx_churn_ratio", "seed")
OPENING, ACTIVE = ("cx_opening_customers",), ("cx_active_customers",)
IGNORED, NOTICE = ("cx_churn_ignored",), ("cx_cancel_scheduled_customers",)


def read(
    events_or_task: list[Event] | PartitionTask, now: int = NOW, window: str = "30d", **filters: object
) -> dict:
    partition = counted(events_or_task) if isinstance(events_or_task, list) else events_or_task
    return figures(churn.METRIC, partition, now, window, **filters)


def customers(n: int, **fields: object) -> list[Event]:
    return [activated(f"c{i}", NOW - 90 * DAY, **fields) for i in range(n)]


def test_chu_1() -> None:
    """Of 1,000 customers 50 lost, of 200 new ones 4 lost: cohort 5.0 %, seed 5.4 %."""
    events = customers(1000)
    events += [churned(f"c{i}", NOW - 5 * DAY) for i in range(50)]
    events += [activated(f"n{i}", NOW - 20 * DAY) for i in range(200)]
    events += [churned(f"n{i}", NOW - 2 * DAY) for i in range(4)]
    by_series = read(events)
    assert (by_series[COHORT], by_series[SEED]) == (0.05, 0.054)
    assert (by_series[OPENING], by_series[ACTIVE]) == (1000, 1146)
    assert by_series["cx_churned_customers", "unknown"] == 54


def test_chu_3_a_change_of_plan_is_no_churn() -> None:
    """A change between two contracts is an activation. Giving up the last one is one churn."""
    events = [
        *customers(1),
        activated("c0", NOW - 3 * DAY, plan="one"),
        activated("c0", NOW - 2 * DAY, plan="other"),
    ]
    assert read(events)[COHORT] == 0
    assert read([*events, churned("c0", NOW - DAY)])[SEED] == 1


def test_chu_4_a_notice_is_no_churn() -> None:
    """A customer is scheduled from the notice until the churn."""
    events = [*customers(1), notice("c0", NOW - 21 * DAY, NOW - DAY)]
    before = read(events)
    assert (before[NOTICE], before[COHORT], before[ACTIVE]) == (1, 0, 1)
    after = read([*events, churned("c0", NOW - DAY)])
    assert (after[NOTICE], after[COHORT], after[ACTIVE]) == (0, 1, 0)


@pytest.mark.parametrize("later", [True, False])
def test_an_activation_after_a_notice_withdraws_it(later: bool) -> None:
    """An activation after the notice withdraws it, one before it does not."""
    moment = NOW - 10 * DAY if later else NOW - 30 * DAY
    assert read([*customers(1), notice("c0", NOW - 21 * DAY, NOW), activated("c0", moment)])[NOTICE] == (
        not later
    )


def test_chu_5_without_customers_at_the_start_there_is_no_ratio() -> None:
    """S = 0: the ratio is absent."""
    by_series = read([activated("a", NOW - DAY), churned("a", NOW)])
    assert COHORT not in by_series
    assert SEED not in by_series
    assert by_series[OPENING] == 0


def test_without_events_closed_labels_are_shown_at_zero() -> None:
    """Counts are 0, ratios and reasons are absent."""
    assert read([]) == {
        ("cx_churned_voluntary_customers", "true"): 0,
        ("cx_churned_voluntary_customers", "false"): 0,
        OPENING: 0,
        ACTIVE: 0,
        NOTICE: 0,
        IGNORED: 0,
    }


def test_a_customer_who_returns_in_the_window_counts_as_lost() -> None:
    """A customer who churns and returns counts as lost and as active."""
    by_series = read([*customers(2), churned("c0", NOW - 4 * DAY), activated("c0", NOW - 3 * DAY)])
    assert (by_series[OPENING], by_series[ACTIVE], by_series[COHORT]) == (2, 2, 0.5)


def test_a_customer_who_churns_twice_counts_once_in_the_cohort() -> None:
    """The cohort loses one customer, the seed method counts two churns."""
    events = [churned("c0", NOW - 6 * DAY), activated("c0", NOW - 4 * DAY), churned("c0", NOW - 2 * DAY)]
    by_series = read([*customers(2), *events])
    assert (by_series[COHORT], by_series[SEED], by_series[ACTIVE]) == (0.5, 1.0, 1)


def test_the_opening_cohort_is_active_just_before_the_start() -> None:
    """A customer activated just before the start is in the opening cohort, one at the start is not."""
    by_series = read([activated("a", START - 1), activated("b", START), churned("a", NOW)])
    assert (by_series[OPENING], by_series[COHORT]) == (1, 1)
    assert read([activated("a", START - DAY), churned("a", START - 1)])[OPENING] == 0
    assert read([activated("a", START - DAY), churned("a", START)])[COHORT] == 1


@pytest.mark.parametrize("window", ["5m", "1h", "24h", "7d", "30d"])
def test_every_window_has_its_own_cohort(window: str) -> None:
    """Each window counts the churns within it."""
    ages = {"5m": MINUTE, "1h": 20 * MINUTE, "24h": 5 * HOUR, "7d": 3 * DAY, "30d": 20 * DAY}
    events = customers(10) + [churned(f"c{i}", NOW - age) for i, age in enumerate(ages.values())]
    lost = list(ages).index(window) + 1
    by_series = read(events, window=window)
    assert by_series[OPENING] == 5 + lost
    assert by_series[COHORT] == lost / (5 + lost)


def test_events_ahead_of_the_clock_do_not_change_the_opening_cohort() -> None:
    """An activation and a churn three minutes ahead of the clock do not change the opening cohort."""
    now = NOW // HOUR * HOUR + 59 * MINUTE
    later = now + 3 * MINUTE
    events = [*customers(2), activated("new", later, now), churned("c0", later, now)]
    for window in ("5m", "1h", "24h", "7d", "30d"):
        by_series = read(events, now, window)
        assert (by_series[OPENING], by_series[ACTIVE], by_series[COHORT], by_series[SEED]) == (2, 2, 0.5, 0)
        assert figures(churn.METRIC, counted(events), later, window)[SEED] == 0.5


def test_ignored_churns_are_counted_apart() -> None:
    """Churns of unknown or former customers are ignored until an activation makes them valid."""
    events = [churned("ghost"), churned("c0", NOW - DAY), churned("c0", NOW), *customers(1)]
    by_series = read(events)
    assert (by_series[IGNORED], by_series[ACTIVE], by_series[OPENING], by_series[SEED]) == (2, 0, 1, 1)
    after_activation = read([*events, activated("ghost", NOW - DAY, NOW)])
    assert (after_activation[IGNORED], after_activation[ACTIVE]) == (1, 0)


def test_the_same_event_again_is_a_duplicate() -> None:
    """Of one customer, whatever its ID and source are."""
    events = [activated("a", id="1"), activated("a", id="2"), activated("b", id="1"), churned("b", NOW + 1)]
    other_source = churned("b", NOW + 1, id="1")._replace(source="/elsewhere")
    partition = counted([*events, events[-1], other_source])
    assert outcomes(partition) == {"accepted": 3, "duplicate": 3}
    assert read(partition)[ACTIVE] == 1


def test_events_of_one_moment_are_ordered_by_what_they_are() -> None:
    """Whatever their IDs are, an activation and a churn of an active customer are a switch of plan."""
    first = activated("a", NOW - DAY)
    for churn_id, activation_id in ("12", "21"):
        moment = [activated("a", NOW, id=activation_id), churned("a", NOW, id=churn_id)]
        switch = read([first, *moment])
        assert (switch[ACTIVE], switch["cx_churned_voluntary_customers", "true"]) == (1, 0)
        life_of_no_length = read(moment)
        assert (life_of_no_length[ACTIVE], life_of_no_length["cx_churned_voluntary_customers", "true"]) == (
            0,
            1,
        )


def test_reasons_and_voluntary_churns() -> None:
    """Reasons over the limit are counted together, `unknown` without a reason.

    A churn is voluntary by default.
    """
    events = customers(6)
    for i, reason in enumerate(["price", "price", "moved", "quality", None, None]):
        events.append(churned(f"c{i}", NOW, reason=reason, voluntary=i > 0))
    by_series = figures(churn.METRIC, counted(events, config=aggregation_config(top=2)), NOW, "1h")
    assert {k: v for k, v in by_series.items() if k[0] == "cx_churned_customers"} == {
        ("cx_churned_customers", "price"): 2,
        ("cx_churned_customers", "unknown"): 2,
        ("cx_churned_customers", "__other__"): 2,
    }
    assert by_series["cx_churned_voluntary_customers", "true"] == 5
    assert by_series["cx_churned_voluntary_customers", "false"] == 1


def test_all_figures_carry_the_dimensions_of_the_last_activation() -> None:
    """A customer who moves to another channel moves past churns too."""
    events = [
        activated("a", NOW - 90 * DAY, channel="shop"),
        churned("a", NOW - 7 * DAY),
        activated("a", NOW - DAY, channel="web"),
    ]
    shop_events = {"view": "channel", "values": ("shop",)}
    web = {"view": "channel", "values": ("web",)}
    assert read(events[:2], **shop_events)[COHORT] == 1
    partition = counted(events)
    assert read(partition, **shop_events)[OPENING] == 0
    assert (read(partition, **web)[COHORT], read(partition, **web)[ACTIVE]) == (1, 1)
    assert not [key for key in partition.panes.blocks if key.cell.values == ("shop",)]
