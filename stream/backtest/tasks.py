"""Tasks of all domains in one process, which hand derived events to each other without encoding them."""

from collections.abc import Sequence
from itertools import accumulate

from stream.core.aggregation.domain import Domain, ValidatedBatch
from stream.core.aggregation.outgoing import DerivedEvent, derived_events
from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregation_config import AggregationConfig


class InProcessTask(PartitionTask):
    """The task of the only partition of a domain.

    Attributes:
        derived: events for other domains, which a flush would encode and send
    """

    def __init__(self, domain: Domain, config: AggregationConfig) -> None:
        self.derived: list[DerivedEvent] = []
        super().__init__(domain, 0, 1, config)

    def _derive_changes(self) -> None:
        super()._derive_changes()
        self.derived += self.store.derived
        self.store.derived = []

    def process_derived(self, derived: Sequence[DerivedEvent], domain: str) -> None:
        """Process events that another domain derived, with the figures of `process` for their records."""
        first, checkpoint = self.next_offset, self.checkpoint
        events = list(derived_events(derived, domain, self.config.installation))
        timestamps = [item.record_timestamp for item in derived]
        newest = list(accumulate(timestamps, max, initial=self.newest_timestamp))[1:]
        kept = list(range(len(events)))
        if self.erasures.index is not None:
            kept = [n for n in kept if not self._is_erased(events[n], derived[n].event_time)]
        offsets = [first + n for n in kept]
        if kept:
            self._process_batch(
                ValidatedBatch(
                    [events[n] for n in kept],
                    self.domain.owners([events[n] for n in kept]),
                    [derived[n].event_time for n in kept],
                    [timestamps[n] for n in kept],
                    offsets,
                    [checkpoint.watermark] * len(kept),
                    [newest[n] for n in kept],
                    derived=frozenset(offsets),
                )
            )
        self.outcome_counts["derived"] += len(events) - len(kept)
        checkpoint.newest_timestamp = newest[-1]
        checkpoint.next_offset += len(events)
