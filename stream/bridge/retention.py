"""A guard against events that Kafka would delete from the inputs before a worker counts them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from stream.config.setting_types import UNITS, as_duration
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.errors import PreconditionFailed

Retentions = Mapping[str, int]
"""How long the input of a domain keeps records, in ms. Below 0: for ever."""


def check_retention(outgoing: Iterable[OutgoingRecord], retentions: Retentions, now: int) -> None:
    """Raise PreconditionFailed for an event that its topic would delete within a day. `now` in ms."""
    for record in outgoing:
        retention = retentions.get(record.domain, -1)
        if record.timestamp is not None and 0 <= retention < now - record.timestamp + UNITS["d"]:
            day = datetime.fromtimestamp(record.timestamp / 1000, UTC).date()
            raise PreconditionFailed(
                f"an event of {record.domain} would get the timestamp of {day}, but its topic keeps records for "
                f"{as_duration(retention)}, so Kafka would soon delete it. Set retention.ms of the topic, or create the topics "
                'with topics.retention = "-1". With --timestamps now, events that may not be late go to the dead letters'
            )
