"""Events of all three topics as plain data."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.definitions.events import TYPES as TICKET_TYPES
from tests.definitions.settings import DAY, HOUR, MINUTE

TYPES = TICKET_TYPES | {
    "offered": "cx.feedback.offered.v1",
    "submitted": "cx.feedback.submitted.v1",
    "withdrawn_answer": "cx.feedback.deleted.v1",
    "activated": "cx.customer.activated.v1",
    "changed": "cx.customer.updated.v1",
    "churned": "cx.customer.churned.v1",
    "notice": "cx.customer.cancel_scheduled.v1",
    "no_notice": "cx.customer.cancel_withdrawn.v1",
    "bought": "cx.purchase.completed.v1",
    "refunded": "cx.purchase.refunded.v1",
}
"""Event types by kind. Of the two types named `deleted`, that kind is the ticket's."""
FEEDBACK = ("offered", "submitted", "withdrawn_answer")
CUSTOMERS = ("activated", "changed", "churned", "notice", "no_notice", "bought", "refunded")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(at: int) -> str:
    """Return a time in ms as RFC 3339."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")


def ms_of(text: str) -> int:
    """Return a time in RFC 3339 as ms."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


class JoinedEvent(NamedTuple):
    """An event with its kind, its time and the timestamp of its record in ms. The kind is a key of `TYPES`."""

    kind: str
    at: int
    stamp: int
    id: str
    data: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        """Return the structured CloudEvent."""
        head = {"specversion": "1.0", "id": self.id, "source": "/test", "type": TYPES[self.kind]}
        return {**head, "time": time_text(self.at), "data": self.data}

    def without_nulls(self) -> "JoinedEvent":
        """Return the event without fields that are null, which are as if absent. A null score is dismissed."""
        kept = {name: value for name, value in self.data.items() if value is not None}
        return self._replace(data=kept)

    def is_in_time(self, longest_window: int) -> bool:
        """Return False if the outcome is `future`, or `late`, which only feedback can be here."""
        age_in_hours = self.stamp // HOUR - self.at // HOUR
        is_late = self.kind in FEEDBACK and age_in_hours * HOUR > longest_window + DAY
        return self.at <= self.stamp + 5 * MINUTE and not is_late
