"""Summaries of tickets that are forgotten: their finished counts stay."""

import json

from stream.core.aggregation.customers import Customers
from stream.core.metrics import fcr
from tests.core.aggregation.customers.events import solved
from tests.core.aggregation.pipeline import Pipeline
from tests.core.aggregation.tickets.events import created, message, status, updated
from tests.support import DAY, HOUR, NOW, figures, records, single


def test_a_summary_whose_last_record_was_late_is_kept_as_long_as_its_ticket() -> None:
    """It has the timestamp of that record, 33 days before the solve."""
    pipeline = Pipeline()
    events = [
        created(NOW - 37 * DAY, customer_id="c", stamp=NOW - 37 * DAY),
        status(NOW - 4 * DAY, "solved", stamp=NOW - 4 * DAY),
        message(NOW - 37 * DAY + HOUR, stamp=NOW - 37 * DAY + HOUR),
    ]
    for event in events:
        pipeline.publish(json.loads(event.value()), event.stamp)
    pipeline.run()
    moved = updated(NOW, team="back", stamp=NOW + 2 * DAY)
    pipeline.publish(json.loads(moved.value()), moved.stamp)
    pipeline.run()
    tickets = pipeline.series(NOW + 2 * DAY)["cx_fcr_tickets"]
    total = {"view": "total", "window": "30d", "basis": "provisional"}
    assert sum(value for labels, value in tickets.items() if total.items() <= dict(labels).items()) == 1


def test_what_a_forgotten_ticket_counted_stays() -> None:
    """Whether a flush has deleted it or not, and whether its last change was derived or not, before it begins anew."""
    late = NOW + 38 * DAY
    for flushes in ((0, 1, 2), (1, 2), (2,)):
        partition = single(Customers())
        for n, event in enumerate(
            (solved("t", NOW, number=1), solved("v", late), solved("t", late, number=2))
        ):
            partition.process(records([event], partition.next_offset), event.stamp)
            if n in flushes:
                partition.prepare_flush(event.stamp, 0)
        for now, n in ((NOW, 1), (late, 2)):
            assert (
                figures(fcr.METRIC, partition, now, "7d")["cx_fcr_tickets", "provisional", "first_contact"]
                == n
            )
