"""The deduplication keys of a ticket."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.tickets.entity import Ticket
from stream.core.aggregation.tickets.events import remember

SIMILAR_KEYS = st.lists(st.sampled_from([b"a", b"b"]), min_size=8, max_size=8).map(b"".join)
"""Keys that often occur across the boundary of two others."""


@given(st.lists(SIMILAR_KEYS, max_size=40))
def test_a_key_that_spans_two_stored_keys_is_not_known(keys: list[bytes]) -> None:
    """Compared with a set of keys."""
    ticket, known = Ticket(), set[bytes]()
    for key in keys:
        assert remember(ticket, key) == (key not in known)
        known.add(key)
    assert len(ticket.dedup_keys) == 8 * len(known)
