"""A database is used only if its checkpoint fits."""

from typing import Any

import pytest

from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.checkpoint import Checkpoint
from stream.kafka.reading import OffsetRange
from stream.worker.disk.stored_checkpoint import (
    LAYOUT,
    Circumstances,
    StoredCheckpoint,
    decode,
    encode,
    obstacle,
)
from tests.support import DAY, HOUR, NOW


def marker(**changes: Any) -> Checkpoint:
    fields = {
        "version": checkpoint_format.VERSION,
        "next_offset": 90,
        "partitions": 4,
        "config_hash": "h",
        "written_at": NOW - HOUR,
    }
    return Checkpoint(**(fields | changes))


def stored(*, of_marker: Checkpoint | None = None, **changes: Any) -> StoredCheckpoint:
    fields = {
        "layout": LAYOUT,
        "marker": checkpoint_format.encode(of_marker or marker()),
        "state_offset": 50,
        "lineage": b"ids",
        "rules": "r",
        "has_erased": False,
    }
    return StoredCheckpoint(**(fields | changes))


def circumstances(**changes: Any) -> Circumstances:
    fields = {
        "marker": marker(next_offset=100, written_at=NOW),
        "state": OffsetRange(0, 60),
        "lineage": b"ids",
        "rules": "r",
        "partitions": 4,
        "now": NOW,
        "max_age": DAY,
    }
    return Circumstances(**(fields | changes))


def test_one_that_fits() -> None:
    """Also after it was packed, and at the bounds of the topic."""
    assert obstacle(decode(encode(stored())), circumstances()) == ""
    assert obstacle(stored(), circumstances(marker=marker(), state=OffsetRange(50, 50))) == ""


@pytest.mark.parametrize(
    ("of_database", "of_topics", "reason"),
    [
        (None, {}, "it has no checkpoint"),
        ({"marker": b"\xc1"}, {}, "its checkpoint cannot be read"),
        ({"layout": LAYOUT + 1}, {}, "its layout 3 is not 2"),
        ({"lineage": b""}, {"lineage": b""}, "the broker has no topic IDs"),
        ({"lineage": b"older ids"}, {}, "the topics were created again"),
        ({"of_marker": marker(version=5)}, {}, "its version is another one"),
        ({}, {"marker": marker(version=5)}, "its version is another one"),
        ({}, {"marker": Checkpoint()}, "its version is another one"),
        ({"of_marker": marker(partitions=3)}, {}, "the number of partitions is another one"),
        ({"rules": "older"}, {}, "the settings have changed"),
        ({}, {"marker": marker(config_hash="other")}, "the panes have other settings"),
        ({}, {"marker": marker(next_offset=89)}, "the topic is behind it"),
        ({}, {"state": OffsetRange(0, 49)}, "the state topic does not reach it"),
        ({}, {"state": OffsetRange(51, 60)}, "the state topic does not reach it"),
        ({"of_marker": marker(written_at=NOW - DAY)}, {}, "it is too old"),
        ({"of_marker": marker(written_at=NOW + HOUR)}, {}, "it is ahead of the clock"),
    ],
)
def test_what_does_not_fit(
    of_database: dict[str, Any] | None, of_topics: dict[str, Any], reason: str
) -> None:
    """Each reason alone is enough."""
    database = None if of_database is None else stored(**of_database)
    assert obstacle(database, circumstances(**of_topics)) == reason


@pytest.mark.parametrize("raw", [None, b"", b"\x90", b"junk"])
def test_a_row_that_is_no_checkpoint(raw: bytes | None) -> None:
    """The database is read from the topic again."""
    assert decode(raw) is None
