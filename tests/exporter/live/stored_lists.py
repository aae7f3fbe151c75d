"""Lists of the entities of workers in memory."""

from collections.abc import Callable

from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.listing import LeavingRow, Listing, TicketListName, TicketRow, Wanted
from stream.core.model.time_buckets import Window
from stream.operations.listing.index import PREFIXES, ListIndex


class StoredLists:
    """A source of lists that is filled by hand. `reason` may be changed."""

    def __init__(self, config: AggregationConfig) -> None:
        self.reason = ""
        self._index = ListIndex(config)

    def fill(self, *tasks: PartitionTask) -> None:
        """Read the entities of partitions."""
        for task in tasks:
            if task.domain.name in PREFIXES:
                for key, raw in task.store.entities.items():
                    self._index.apply(task.domain.name, task.number, key, raw)

    def tickets(
        self, name: TicketListName, window: Window, now: int, most: int, wanted: Wanted
    ) -> Callable[[], Listing[TicketRow]]:
        """Return a function that lists tickets."""
        return self._index.tickets(name, window, now, most, wanted)

    def leaving(self, window: Window, now: int, most: int) -> Callable[[], Listing[LeavingRow]]:
        """Return a function that lists customers."""
        return self._index.leaving(window, now, most)

    def restart(self) -> None:
        """Do nothing."""

    async def run(self) -> None:
        """Do nothing."""
