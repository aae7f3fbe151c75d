"""All three topics, their workers' tasks and an exporter in memory: events in, series out."""

import json
import re
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from schemas.envelope import EVENTS
from schemas.topics import DOMAINS, TOPICS, DomainName, partition_of
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.checkpoint import KEY, encode
from stream.exporter.coverage import PartitionId
from stream.exporter.state import PaneBatch
from tests.exporter.in_memory import exporter
from tests.support import FakeRecord

Labels = tuple[tuple[str, str], ...]
Series = dict[str, dict[Labels, float]]
_TOPICS_BY_TYPE = {
    kind.TYPE: [topic.domain for topic in TOPICS.values() if kind in topic.types] for kind in EVENTS
}
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Pipeline:
    """Logs of the input topics with the tasks that read them. `env` are settings as environment variables."""

    def __init__(self, partitions: int = 1, **env: str) -> None:
        self.exporter = exporter(**{"CXGAUGE_TOPICS_PARTITIONS": str(partitions), **env})
        config = aggregation_config(self.exporter.settings)
        self.partition_count = partitions
        self.tasks = {
            (domain.name, number): PartitionTask(domain, number, partitions, config)
            for domain in DOMAIN_REGISTRY
            for number in range(partitions)
        }
        self.logs: dict[tuple[str, int], list[FakeRecord]] = {name: [] for name in self.tasks}
        self.dead_letters: list[OutgoingRecord] = []
        self.clock = 0
        self._written = 0

    def publish(
        self,
        event: Mapping[str, Any],
        timestamp: int,
        *,
        key: str | None = None,
        partition: int | None = None,
    ) -> None:
        """Append an event to its topics, by default to the partition of its key (without one: 0). Timestamp in ms."""
        for domain in _TOPICS_BY_TYPE[event["type"]]:
            raw = None if key is None else key.encode()
            number = partition
            if number is None:
                number = 0 if raw is None else partition_of(raw, self.partition_count)
            self._append(domain, number, timestamp, raw, json.dumps(event).encode(), [])

    def _append(
        self,
        domain: str,
        number: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[Any],
    ) -> None:
        log = self.logs[domain, number]
        log.append(FakeRecord(len(log), timestamp, key, value, headers))
        self.clock = max(self.clock, timestamp)

    def run(self, random: Random | None = None) -> None:
        """Process and flush until no record is left. With `random` in small pieces, in any order of partitions."""
        names = list(self.tasks)
        while unread := [n for n in names if self.tasks[n].next_offset < len(self.logs[n])]:
            name = random.choice(unread) if random else unread[0]
            task, log = self.tasks[name], self.logs[name]
            size = random.randrange(1, 40) if random else len(log)
            task.process(log[task.next_offset : task.next_offset + size], self.clock)
            self._flush(*name)

    def _flush(self, domain: DomainName, number: int) -> None:
        flush = self.tasks[domain, number].prepare_flush(self.clock, 0)
        self.dead_letters += flush.dead_letters
        for outgoing in flush.forwards:
            target = outgoing.partition
            if target is None:
                target = partition_of(outgoing.key or b"", self.partition_count)
            timestamp = self.clock if outgoing.timestamp is None else outgoing.timestamp
            self._append(
                outgoing.domain, target, timestamp, outgoing.key, outgoing.value, list(outgoing.headers)
            )
        self._show(domain, number, flush)

    def _show(self, domain: DomainName, number: int, flush: Flush) -> None:
        rows = [*flush.panes, (KEY, encode(flush.checkpoint))]
        written = [
            FakeRecord(self._written + n, self.clock, key, value) for n, (key, value) in enumerate(rows)
        ]
        self._written += len(rows)
        for _ in self.exporter.apply(
            PaneBatch(PartitionId(domain, number), written), monotonic_ms=0, wall_ms=self.clock
        ):
            pass

    def series(self, now: int) -> Series:
        """Return the values of all series with a view at `now` ms, by name and sorted labels."""
        for domain in DOMAINS:
            for number in range(self.partition_count):
                self._flush(domain, number)
        for _ in self.exporter.refresh(0, now):
            pass
        series_by_name: Series = {}
        for line in self.exporter.exposition.plain.decode().splitlines():
            if line.startswith("#") or 'view="' not in line:
                continue
            head, _, value = line.rpartition(" ")
            name, _, labels = head.partition("{")
            series_by_name.setdefault(name, {})[tuple(sorted(_LABEL.findall(labels)))] = float(value)
        return series_by_name

    def outcomes(self, domain: str) -> dict[str, int]:
        """Return the numbers of records by outcome."""
        total: dict[str, int] = {}
        for (name, _), task in self.tasks.items():
            for outcome, n in task.outcome_counts.items():
                if name == domain and n:
                    total[outcome] = total.get(outcome, 0) + n
        return total


def count(events: Iterable[tuple[Mapping[str, Any], int]], now: int, **env: str) -> Series:
    """Return the series at `now` ms of events with their record timestamps, read in this order."""
    pipeline = Pipeline(**env)
    for event, timestamp in events:
        pipeline.publish(event, timestamp)
    pipeline.run()
    return pipeline.series(now)
