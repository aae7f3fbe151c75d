"""Events of one moment and kind are ordered by the whole of their IDs, in whatever order they are read."""

from itertools import permutations
from typing import Any

import pytest

from stream.core.aggregation.tickets import Tickets
from stream.core.metrics import aht, resolution
from tests.core.aggregation.tickets.events import created, handled, status, updated
from tests.support import NOW, Event, count, figures

PREFIX = "urn:example:" + "é" * 200
FIRST, LAST = f"{PREFIX}1", f"{PREFIX}2"


def resolved(events: list[Event], channel: str) -> float:
    partition = count(Tickets(), events)
    samples = figures(resolution.METRIC, partition, NOW, "1h", "channel", (channel,))
    return samples["cx_resolved_tickets", "full"]


@pytest.mark.parametrize("make", [created, updated])
def test_changes_of_a_ticket(make: Any) -> None:
    """The last update counts, and the first creation."""
    channels = ("web", "app") if make is created else ("app", "web")
    changes = [
        make(NOW - 1, channel=channel)._replace(id=event_id)
        for event_id, channel in zip((FIRST, LAST), channels, strict=True)
    ]
    opened = [] if make is created else [created(NOW - 2)]
    for order in permutations([*opened, *changes, status(NOW, "solved")]):
        assert resolved(list(order), "web") == 1


def test_copies_of_an_interaction() -> None:
    """The copy with the greater ID counts."""
    copies = [
        handled(NOW, n, interaction_id="i")._replace(id=event_id) for n, event_id in ((1, FIRST), (2, LAST))
    ]
    for order in permutations(copies):
        partition = count(Tickets(), list(order))
        assert figures(aht.METRIC, partition, NOW, "1h")["cx_handle_mean_seconds",] == 2


@pytest.mark.parametrize("make", [created, updated])
def test_two_sources_may_use_the_same_id(make: Any) -> None:
    """One of the changes counts, the same in any order of reading."""
    changes = [make(NOW - 1, channel=channel)._replace(id="7", source=channel) for channel in ("web", "app")]
    opened = [] if make is created else [created(NOW - 2)]
    in_app = {
        resolved(list(order), "app") for order in permutations([*opened, *changes, status(NOW, "solved")])
    }
    assert len(in_app) == 1
