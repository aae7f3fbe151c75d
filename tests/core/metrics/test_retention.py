"""Retention in worked cases."""

from stream.core.metrics import churn, retention
from tests.core.aggregation.customers.events import activated, churned, counted
from tests.support import DAY, NOW, Event, figures

COHORT, SEED = ("cx_retention_ratio", "cohort"), ("cx_retention_ratio", "seed")


def read(events: list[Event]) -> dict[tuple[str, ...], float]:
    return figures(retention.METRIC, counted(events), NOW, "30d")


def test_ret_1() -> None:
    """S 1,000, 50 lost, 200 new of whom 196 stay, E 1,146: 95.0 %, seed 114.6 %."""
    events = [activated(f"c{i}", NOW - 90 * DAY) for i in range(1000)]
    events += [churned(f"c{i}", NOW - 5 * DAY) for i in range(50)]
    events += [activated(f"n{i}", NOW - 20 * DAY) for i in range(200)]
    events += [churned(f"n{i}", NOW - 2 * DAY) for i in range(4)]
    assert read(events) == {COHORT: 0.95, SEED: 1.146}


def test_cohort_retention_and_churn_add_up_to_one() -> None:
    """Also with a customer who churned and returned."""
    events = [activated(f"c{i}", NOW - 90 * DAY) for i in range(4)]
    events += [churned("c0", NOW - 9 * DAY), activated("c0", NOW - 8 * DAY), churned("c1", NOW - 7 * DAY)]
    by_series = read(events)
    lost = figures(churn.METRIC, counted(events), NOW, "30d")["cx_churn_ratio", "cohort"]
    assert (by_series[COHORT], lost, by_series[SEED]) == (0.5, 0.5, 0.75)


def test_without_customers_at_the_start_there_is_no_retention() -> None:
    """S = 0: the ratio is absent."""
    assert read([activated("a", NOW - DAY)]) == {}
