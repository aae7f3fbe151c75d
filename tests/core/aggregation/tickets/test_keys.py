"""The deduplication keys of a ticket."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.tickets.entity import Ticket
from stream.core.aggregation.tickets.events import remember

ALIKE = st.lists(st.sampled_from([b"a", b"b"]), min_size=8, max_size=8).map(b"".join)
"""Keys that often lie across two others."""


@given(st.lists(ALIKE, max_size=40))
def test_a_key_is_known_when_it_was_remembered_and_not_when_it_lies_across_two(keys: list[bytes]) -> None:
    """As a set says."""
    ticket, known = Ticket(b"p"), set[bytes]()
    for key in keys:
        assert remember(ticket, key) == (key not in known)
        known.add(key)
    assert len(ticket.dedup_keys) == 8 * len(known)
