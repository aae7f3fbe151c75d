"""Declarations of aggregates: one name, one layout, components that do not overlap."""

import msgspec
import pytest

from stream.core.metrics import REGISTRY, check_aggregates
from stream.core.model.aggregate import (
    HISTOGRAM_SPAN,
    MAX_COMPONENTS,
    Aggregate,
    AggregateName,
    Layout,
    by_name,
)
from stream.core.model.aggregates import AGGREGATES, BY_DOMAIN
from stream.core.model.aggregates.feedback import NOTES


class Pair(Layout):
    FIRST, SECOND = range(2)


def test_two_declarations_of_one_name_must_be_equal() -> None:
    assert by_name([Aggregate("a", Pair), Aggregate("a", Pair)]) == {"a": Aggregate("a", Pair)}
    with pytest.raises(ValueError, match="aggregate 'a' is declared twice"):
        by_name([Aggregate("a", Pair), Aggregate("a", Pair, entities_kept="closed")])


@pytest.mark.parametrize(
    ("components", "wide_components"),
    [
        ({"A": 1, "B": 1}, {}),
        ({"A": 0, "B": HISTOGRAM_SPAN - 1}, {"histograms": (0,)}),
        ({"A": 4, "B": 5}, {"pairs": (4,)}),
        ({"A": MAX_COMPONENTS}, {}),
        ({"A": MAX_COMPONENTS - 1}, {"pairs": (MAX_COMPONENTS - 1,)}),
        ({"A": -1}, {}),
    ],
)
def test_components_that_overlap_or_are_out_of_range_are_refused(
    components: dict[str, int], wide_components: dict[str, tuple[int, ...]]
) -> None:
    with pytest.raises(ValueError, match=r"component -?[0-9]+ collides with"):
        type("Wrong", (Layout,), {**components, **wide_components})


def test_every_aggregate_is_declared_in_the_domain_that_feeds_it() -> None:
    """Metrics read declared aggregates only, and all but the notes.

    The type checker refuses a plain string as an aggregate's name.
    """
    assert {
        aggregate.name: aggregate for declared in BY_DOMAIN.values() for aggregate in declared
    } == AGGREGATES
    read = {aggregate for metric in REGISTRY.values() for aggregate in metric.aggregates}
    assert read == {*AGGREGATES.values()} - {NOTES}


@pytest.mark.parametrize(
    ("aggregate", "reason"),
    [
        (Aggregate(AggregateName("hundle"), Pair), r"aggregates \['hundle'\] are read, but not declared"),
        (Aggregate(AggregateName("handle"), Pair), "aggregate 'handle' is declared twice"),
    ],
)
def test_a_metric_of_an_undeclared_aggregate_is_refused(aggregate: Aggregate, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_aggregates([msgspec.structs.replace(REGISTRY["aht"], aggregates=(aggregate,))])


def test_names_of_components_are_those_of_the_layout() -> None:
    assert Pair.components() == {"FIRST": 0, "SECOND": 1}
    assert AGGREGATES["nps"].layout.components() == {
        "PROMOTERS": 0,
        "PASSIVES": 1,
        "DETRACTORS": 2,
        "PREMATURE": 3,
    }
