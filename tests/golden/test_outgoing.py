"""Records for other topics keep their keys and headers."""

import json

from stream.core.aggregation.outgoing import record_origin
from tests.golden.files import OUTGOING, changes, outgoing_records
from tests.support import FakeRecord


def test_outgoing_records_are_unchanged() -> None:
    """Header names and values are a contract with readers of dead letters, and with our own replay."""
    difference = changes(OUTGOING.read_text(), outgoing_records())
    assert not difference, (
        f"{difference}\nThis changes a contract. If it is intended: remove {OUTGOING}, then make golden-state."
    )


def test_golden_records_are_classified_by_their_headers() -> None:
    """The first timestamp is kept, and a forward is recognised."""
    origins = {}
    for entry in json.loads(OUTGOING.read_text())["records"]:
        headers = [(name, text.encode()) for name, text in entry["headers"]]
        origins[entry["is"]] = tuple(record_origin(FakeRecord(0, 5, None, None, headers)))
    assert origins == {
        "dead letter": (1789992540000, False),
        "derived event": (5, False),
        "forward": (1789992001500, True),
    }
