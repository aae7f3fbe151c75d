"""First contact resolution of a customer who comes back after an erasure."""

import json

import pytest

from schemas.customers import CustomerErased
from tests.core.aggregation.pipeline import Pipeline
from tests.core.aggregation.tickets.events import created, deleted, status, updated
from tests.support import DAY, NOW, Event

ERASED = Event(CustomerErased(customer_id="c"), NOW - 3 * DAY, NOW)


def not_first_contacts(events: list[Event], *, at_once: bool, channel: str | None = None) -> float | None:
    """Return the solved tickets of a week, all of them or those of a channel, read in one go or one by one."""
    pipeline = Pipeline()
    for event in events:
        pipeline.publish(json.loads(event.value()), NOW)
        if not at_once:
            pipeline.run()
    pipeline.run()
    view = {"view": "total"} if channel is None else {"view": "channel", "channel": channel}
    labels = {"basis": "provisional", "result": "other", "window": "7d"} | view
    return pipeline.series(NOW)["cx_fcr_tickets"].get(tuple(sorted(labels.items())))


@pytest.mark.parametrize("at_once", [True, False])
def test_events_of_before_the_erasure_change_the_ticket(at_once: bool) -> None:
    """They name nobody. The customer is named by an event that was not erased, so the summary is not, either."""
    late_change = updated(NOW - 4 * DAY, channel="web")
    events = [ERASED, created(NOW - 2 * DAY, customer_id="c"), status(NOW - DAY, "solved"), late_change]
    assert not_first_contacts(events, at_once=at_once) == 1
    assert not_first_contacts(events, at_once=at_once, channel="web") == 1
    late_creation = [ERASED, status(NOW - DAY, "solved", customer_id="c"), created(NOW - 4 * DAY)]
    assert not_first_contacts(late_creation, at_once=at_once) == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_a_deletion_of_before_the_erasure_removes_the_ticket(at_once: bool) -> None:
    events = [ERASED, created(NOW - 2 * DAY, customer_id="c"), status(NOW - DAY, "solved")]
    assert not_first_contacts([*events, deleted(NOW - 4 * DAY)], at_once=at_once) == 0
