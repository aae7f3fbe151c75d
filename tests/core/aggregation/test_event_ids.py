"""Event IDs in stored answers."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.event_ids import compact_id, compact_ids, expand_id

UUIDS = st.uuids().map(str)
ALMOST = st.tuples(UUIDS, st.integers(0, 35), st.sampled_from("-gA 0é")).map(
    lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + 1 :]
)
"""Texts of 36 characters of which most are no canonical UUID."""
IDS = UUIDS | UUIDS.map(str.upper) | ALMOST | st.text(min_size=1, max_size=40)


@given(st.lists(IDS, max_size=5))
def test_ids_are_restored_from_their_stored_form(ids: list[str]) -> None:
    """A batch gives the same as single IDs."""
    stored = list(compact_ids(ids))
    assert [expand_id(compact) for compact in stored] == ids
    assert stored == [compact_id(event_id) for event_id in ids]


@given(st.lists(UUIDS, min_size=1, max_size=5))
def test_canonical_uuids_take_16_bytes(ids: list[str]) -> None:
    assert list(compact_ids(ids)) == [UUID(event_id).bytes for event_id in ids]


def test_ids_whose_lengths_add_up_to_uuids_are_stored_as_text() -> None:
    """Joined they look like two UUIDs."""
    uuid = "0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b"
    ids = [uuid[:-1], uuid[-1] + uuid]
    assert list(compact_ids(ids)) == ids
