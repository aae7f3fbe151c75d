"""Roll-ups grow coarser with age, independent of the order of events."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.entity import Rollup
from stream.core.aggregation.pane_store import PaneStore
from stream.core.model.aggregate import Aggregate
from stream.core.model.time_buckets import HOURS, MINUTES, QUARTERS
from tests.support import MINUTE, aggregation_config

DAY = 24 * 60
MEMORY = 38 * DAY
SEEN = 30_000_000
minutes = st.integers(SEEN - 40 * DAY, SEEN + 5)


def test_minutes_then_quarters_then_hours_then_nothing() -> None:
    """As long as panes of that size are held, and never less."""
    floor = SEEN - MEMORY
    for age in (0, 60, 70):
        assert rollup.bucket_start(SEEN - age, SEEN, floor) == SEEN - age
    for age, size in ((100, 15), (26 * 60 - 20, 15), (28 * 60 - 20, 60), (37 * DAY - 20, 60)):
        minute = SEEN - age
        assert rollup.bucket_start(minute, SEEN, floor) == minute - minute % size
    assert rollup.bucket_start(floor - 1, SEEN, floor) is None


@given(st.lists(minutes, max_size=30), st.lists(st.integers(0, 3 * DAY), max_size=5))
def test_the_bucket_of_an_entry_does_not_depend_on_the_order(entered: list[int], steps: list[int]) -> None:
    """Entered early and aged, or entered at the end: the same."""
    early: Rollup = {}
    seen = SEEN
    for minute in entered:
        rollup.add_vector(early, minute, {0: 1}, seen, seen - MEMORY)
    for step in steps:
        seen += step
        rollup.downsample(early, seen, seen - MEMORY)
    late: Rollup = {}
    for minute in entered:
        rollup.add_vector(late, minute, {0: 1}, seen, seen - MEMORY)
    assert early == late


def test_its_size_is_bounded() -> None:
    """Something every minute for 38 days."""
    full: Rollup = {}
    for minute in range(SEEN - 40 * DAY, SEEN + 6):
        rollup.add_vector(full, minute, {0: 1}, SEEN, SEEN - MEMORY)
    assert len(full) < 1120
    assert sum(vector[0] for vector in full.values()) >= MEMORY


def test_vectors_that_cancel_leave_no_entry() -> None:
    """Also when one part lies in a coarser bucket by now."""
    entries: Rollup = {}
    rollup.add_vector(entries, SEEN, {3: 1}, SEEN, 0)
    rollup.downsample(entries, SEEN + DAY, 0)
    rollup.add_vector(entries, SEEN, {3: -1}, SEEN + DAY, 0)
    assert entries == {}


@given(minutes, st.integers(0, 40 * DAY))
def test_only_expired_blocks_are_downsampled(minute: int, later: int) -> None:
    """So no pane says when a customer's newest record was."""
    seen = minute + later
    panes = PaneStore(aggregation_config(), {})
    panes.expired_before = seen * MINUTE
    at = rollup.bucket_start(minute, seen, seen - MEMORY)
    for resolution in (MINUTES, QUARTERS, HOURS):
        held = minute * MINUTE // resolution.span >= panes.oldest_block(
            resolution, Aggregate("", long_retention=True)
        )
        if held:
            assert at is not None
            assert at * MINUTE // resolution.step == minute * MINUTE // resolution.step
