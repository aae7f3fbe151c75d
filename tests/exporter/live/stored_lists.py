"""Lists of the entities of workers in memory."""

from aiokafka import TopicPartition

from stream.config import load
from stream.core.aggregation.task import PartitionTask
from stream.operations.listing.index import PREFIXES
from stream.operations.listing.reading import ListFollower
from tests.support import FakeRecord


class StoredLists(ListFollower):
    """A source of lists that is filled by hand. `reason` may be changed."""

    def __init__(self) -> None:
        super().__init__(load(None, {}))
        self.reason = ""

    def fill(self, *tasks: PartitionTask) -> None:
        """Read the entities of partitions."""
        for task in tasks:
            if task.domain.name in PREFIXES:
                tp = TopicPartition(self.settings.topics.state(task.domain.name), task.number)
                for key, raw in task.store.entities.items():
                    self.apply(tp, FakeRecord(0, 0, key, raw))
