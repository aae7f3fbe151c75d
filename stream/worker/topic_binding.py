"""The binding of a partition's state to its topics, which refuses a topic that was deleted and created again.

A flush must continue both topics at or after the ends that its owner has read. So nothing is committed to a new topic in the
place of one that had records. The record of the checkpoint names the state topic by its ID, because the records of a refused
flush look like progress in the new topic. The ID is a header of the record, which older versions ignore.
"""

from collections.abc import Iterable, Mapping

from stream.errors import PreconditionFailed
from stream.kafka.metadata import NO_ID

HEADER = "cx_state_topic"
"""Header of a checkpoint's record: the 16 bytes of the state topic's ID. It is absent if the broker has no IDs."""

COUNT_AGAIN = "Process the inputs again under another topics.state_prefix"


def state_topic_id(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the ID of the state topic that a checkpoint's record names in its headers, empty if it names none."""
    return next((value for name, value in headers if name == HEADER), b"")


def names_same_topic(named: bytes, state_id: bytes) -> bool:
    """Return False if a checkpoint names another ID than that of the state topic. Empty and zero IDs are not known."""
    return not named or state_id in (NO_ID, named)


class TopicBinding:
    """The topics that hold the state of a partition, as its owner has read them.

    Attributes:
        number: of the partition
        state: the name of the state topic
        state_id: its ID, `NO_ID` if the broker has none
        ends: the offset after the last known record of the state topic and of the topic of the panes, by name
    """

    def __init__(self, number: int, state: str, state_id: bytes, ends: Mapping[str, int]) -> None:
        self.number = number
        self.state = state
        self.state_id = state_id
        self.ends = dict(ends)

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """The headers of the record of a checkpoint."""
        return [] if self.state_id == NO_ID else [(HEADER, self.state_id)]

    def check_state(self, named: bytes) -> None:
        """Raise PreconditionFailed if the checkpoint names another state topic by its ID."""
        if not names_same_topic(named, self.state_id):
            raise PreconditionFailed(
                f"{self.state} partition {self.number}: is not the topic that the checkpoint names by its ID. The topic "
                f"was deleted and created again. {COUNT_AGAIN}"
            )

    def check_written(self, written: Iterable[tuple[str, int]]) -> None:
        """Check the first offsets of batches by topic, and take them as known.

        Offset -1 is that of a repeated batch whose offset the broker has forgotten.

        Raises PreconditionFailed if one is before the known end of its topic.
        """
        for topic, offset in written:
            end = self.ends.get(topic, 0)
            if 0 <= offset < end:
                raise PreconditionFailed(
                    f"{topic} partition {self.number}: ended at offset {offset}, but had records up to offset {end}. "
                    f"The topic was deleted and created again, or has lost records. {COUNT_AGAIN}"
                )
            if topic in self.ends:
                self.ends[topic] = max(end, offset + 1)
