"""Roll-ups are downsampled with age, independent of the order of events."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.entity import Rollup
from stream.core.aggregation.pane_store import PaneStore
from stream.core.model.time_buckets import HOURS, MINUTES, QUARTERS
from tests.support import MINUTE, aggregation_config

DAY = 24 * 60
RETENTION = 67 * DAY
NEWEST = 30_000_000
minutes = st.integers(NEWEST - 70 * DAY, NEWEST + 5)


def test_buckets_are_minutes_then_quarter_hours_then_hours() -> None:
    """Buckets are at least as fine as the panes kept of their time."""
    retention_start = NEWEST - RETENTION
    for age in (0, 60, 130):
        assert rollup.bucket_start(NEWEST - age, NEWEST, retention_start) == NEWEST - age
    for age, size in ((160, 15), (50 * 60 - 20, 15), (56 * 60 - 20, 60), (66 * DAY - 20, 60)):
        minute = NEWEST - age
        assert rollup.bucket_start(minute, NEWEST, retention_start) == minute - minute % size
    assert rollup.bucket_start(retention_start - 1, NEWEST, retention_start) is None


@given(st.lists(minutes, max_size=30), st.lists(st.integers(0, 3 * DAY), max_size=5))
def test_the_bucket_of_an_entry_does_not_depend_on_the_order(
    entry_minutes: list[int], steps: list[int]
) -> None:
    """Adding early and downsampling gives the same buckets as adding at the end."""
    early: Rollup = {}
    newest = NEWEST
    for minute in entry_minutes:
        rollup.add_vector(early, minute, {0: 1}, newest, newest - RETENTION)
    for step in steps:
        newest += step
        rollup.downsample(early, newest, newest - RETENTION)
    late: Rollup = {}
    for minute in entry_minutes:
        rollup.add_vector(late, minute, {0: 1}, newest, newest - RETENTION)
    assert early == late


def test_the_size_of_a_rollup_is_bounded() -> None:
    """One entry per minute for 67 days."""
    full: Rollup = {}
    for minute in range(NEWEST - 70 * DAY, NEWEST + 6):
        rollup.add_vector(full, minute, {0: 1}, NEWEST, NEWEST - RETENTION)
    assert len(full) < 1930
    assert sum(vector[0] for vector in full.values()) >= RETENTION


def test_vectors_that_cancel_leave_no_entry() -> None:
    """Also when one of them is in a coarser bucket."""
    entries: Rollup = {}
    rollup.add_vector(entries, NEWEST, {3: 1}, NEWEST, 0)
    rollup.downsample(entries, NEWEST + DAY, 0)
    rollup.add_vector(entries, NEWEST, {3: -1}, NEWEST + DAY, 0)
    assert entries == {}


@given(minutes, st.integers(0, 70 * DAY))
def test_only_expired_blocks_are_downsampled(minute: int, later: int) -> None:
    """Panes do not reveal the time of a customer's newest record."""
    newest = minute + later
    panes = PaneStore(aggregation_config(), {})
    panes.expired_before = newest * MINUTE
    start = rollup.bucket_start(minute, newest, newest - RETENTION)
    for resolution in (MINUTES, QUARTERS, HOURS):
        kept = minute * MINUTE // resolution.span >= panes.oldest_block(resolution)
        if kept:
            assert start is not None
            assert start * MINUTE // resolution.step == minute * MINUTE // resolution.step
