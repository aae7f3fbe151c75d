"""Operational metrics of the databases of a worker."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from stream.core.aggregation.task import PartitionTask
    from stream.worker.disk.local_state import OpenDatabase

_GAUGES: tuple[tuple[str, str, "Callable[[OpenDatabase], float]"], ...] = (
    ("cxgauge_state_bytes", "Bytes of the database of a partition on local disk", lambda opened: opened.size),
    (
        "cxgauge_state_pending_compaction_bytes",
        "Bytes that RocksDB has yet to rewrite",
        lambda opened: opened.database.metric("estimate-pending-compaction-bytes"),
    ),
    (
        "cxgauge_state_unwritten_entities",
        "Changed entities that are committed to Kafka and not yet written to disk",
        lambda opened: opened.entities.unwritten,
    ),
    ("cxgauge_state_open_seconds", "Time that opening the database took", lambda opened: opened.open_seconds),
)


class DiskCollector:
    """A collector that reads the metrics of the open databases at each scrape. They are served with `worker.state_dir` only."""

    def __init__(self, opened: "Mapping[PartitionTask, OpenDatabase]") -> None:
        self._opened = opened

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, with one sample for each partition."""
        opened = [
            ((partition.domain.topic.name, str(partition.number)), database)
            for partition, database in list(self._opened.items())
        ]
        for name, text, value in _GAUGES:
            family = GaugeMetricFamily(name, text, labels=("topic", "partition"))
            for labels, database in opened:
                family.add_metric(labels, value(database))
            yield family
        refused = CounterMetricFamily(
            "cxgauge_state_refused_writes",
            "Writes that the disk could not take at the moment. Counting waits for them",
            labels=("topic", "partition"),
        )
        for labels, database in opened:
            refused.add_metric(labels, database.refusals)
        yield refused
