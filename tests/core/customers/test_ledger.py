"""Buckets that grow coarser with age, whatever the way there."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.buckets import HOURS, MINUTES, QUARTERS
from stream.core.customers import ledger
from stream.core.customers.facts import Ledger
from stream.core.panes import Panes
from stream.core.tally import Tally
from tests.support import MINUTE, rules

DAY = 24 * 60
MEMORY = 38 * DAY
SEEN = 30_000_000
minutes = st.integers(SEEN - 40 * DAY, SEEN + 5)


def test_minutes_then_quarters_then_hours_then_nothing() -> None:
    """As long as panes of that size are held, and never less."""
    floor = SEEN - MEMORY
    for age in (0, 60, 70):
        assert ledger.bucket(SEEN - age, SEEN, floor) == SEEN - age
    for age, size in ((100, 15), (26 * 60 - 20, 15), (28 * 60 - 20, 60), (37 * DAY - 20, 60)):
        minute = SEEN - age
        assert ledger.bucket(minute, SEEN, floor) == minute - minute % size
    assert ledger.bucket(floor - 1, SEEN, floor) is None


@given(st.lists(minutes, max_size=30), st.lists(st.integers(0, 3 * DAY), max_size=5))
def test_where_an_entry_lies_does_not_depend_on_the_way(entered: list[int], steps: list[int]) -> None:
    """Entered early and aged, or entered at the end: the same."""
    early: Ledger = {}
    seen = SEEN
    for minute in entered:
        ledger.enter(early, minute, {0: 1}, seen, seen - MEMORY)
    for step in steps:
        seen += step
        ledger.age(early, seen, seen - MEMORY)
    late: Ledger = {}
    for minute in entered:
        ledger.enter(late, minute, {0: 1}, seen, seen - MEMORY)
    assert early == late


def test_its_size_is_bounded() -> None:
    """Something every minute for 38 days."""
    full: Ledger = {}
    for minute in range(SEEN - 40 * DAY, SEEN + 6):
        ledger.enter(full, minute, {0: 1}, SEEN, SEEN - MEMORY)
    assert len(full) < 1120
    assert sum(vector[0] for vector in full.values()) >= MEMORY


def test_what_cancels_leaves_no_entry() -> None:
    """Also when one part lies in a coarser bucket by now."""
    entries: Ledger = {}
    ledger.enter(entries, SEEN, {3: 1}, SEEN, 0)
    ledger.age(entries, SEEN + DAY, 0)
    ledger.enter(entries, SEEN, {3: -1}, SEEN + DAY, 0)
    assert entries == {}


@given(minutes, st.integers(0, 40 * DAY))
def test_only_what_no_block_holds_any_more_is_coarser(minute: int, later: int) -> None:
    """So no pane says when a customer's newest record was."""
    seen = minute + later
    panes = Panes(rules(), {})
    panes.floor = seen * MINUTE
    at = ledger.bucket(minute, seen, seen - MEMORY)
    for resolution in (MINUTES, QUARTERS, HOURS):
        held = minute * MINUTE // resolution.span >= panes.oldest(resolution, Tally("", remembered=True))
        if held:
            assert at is not None
            assert at * MINUTE // resolution.step == minute * MINUTE // resolution.step
