"""Records for other topics keep their keys and headers."""

import json

from stream.core.aggregation.outgoing import record_origin
from tests.golden.files import LETTERS, changes, letters
from tests.support import FakeRecord


def test_letters_are_as_they_were() -> None:
    """Header names and values are a contract with readers of dead letters, and with our own replay."""
    different = changes(LETTERS.read_text(), letters())
    assert not different, (
        f"{different}\nThis changes a contract. If it is intended: remove {LETTERS}, then make golden-state."
    )


def test_golden_letters_are_judged_by_their_headers() -> None:
    """The first timestamp is kept, and a forward is recognised."""
    judged = {}
    for entry in json.loads(LETTERS.read_text())["records"]:
        headers = [(name, text.encode()) for name, text in entry["headers"]]
        judged[entry["is"]] = tuple(record_origin(FakeRecord(0, 5, None, None, headers)))
    assert judged == {
        "dead letter": (1789992540000, False),
        "derived event": (5, False),
        "forward": (1789992001500, True),
    }
