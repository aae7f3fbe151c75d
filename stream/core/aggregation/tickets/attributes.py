"""Dimension values and topic of a ticket, as they were at a moment and as they are."""

from bisect import bisect_left, bisect_right

from stream.core.aggregation.entity_store import merge_values
from stream.core.aggregation.tickets.entity import Ticket
from stream.core.model.aggregation_config import NAMED_DIMENSIONS, DimensionValues

_TOPIC = NAMED_DIMENSIONS.index("ticket_topic")


class Attributes:
    """The dimension values of a ticket by time. The ticket must have been created."""

    def __init__(self, ticket: Ticket) -> None:
        created = ticket.created
        if created is None:
            raise ValueError("a ticket without creation has no attributes")
        updates, before, values = ticket.updates, 0, created.values
        if updates:
            before = bisect_left(updates, created.time, key=lambda update: update.time)
            earlier: DimensionValues = ()
            for update in updates[:before]:
                earlier = merge_values(earlier, _without_topic(update.values))
            values = merge_values(earlier, values)
        self.at_creation = values
        self._times: list[int] = []
        self._values = [values]
        self.topic = created.topic
        """The present topic, None if there is none."""
        for update in updates[before:]:
            self._times.append(update.time)
            self._values.append(merge_values(self._values[-1], update.values))
            self.topic = update.topic or self.topic

    @property
    def present(self) -> DimensionValues:
        """The values of now."""
        return self._values[-1]

    def at(self, time: int) -> DimensionValues:
        """Return the values at a time in ms, after the updates of that moment."""
        return self._values[bisect_right(self._times, time)] if self._times else self.at_creation

    def since(self, time: int) -> list[tuple[int, DimensionValues]]:
        """Return the values at a time in ms, then those of each later update, with the time from which on they hold."""
        first = bisect_right(self._times, time)
        later = [(self._times[i], self._values[i + 1]) for i in range(first, len(self._times))]
        return [(time, self._values[first]), *later]


def _without_topic(values: DimensionValues) -> DimensionValues:
    """Return values without the topic, for which events before the creation do not count."""
    if len(values) <= _TOPIC or values[_TOPIC] is None:
        return values
    return (*values[:_TOPIC], None, *values[_TOPIC + 1 :])
