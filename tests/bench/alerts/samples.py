"""Samples of the real exporter for simulated traffic, as OpenMetrics with timestamps."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from stream.monitoring.alerts.prometheus_files import alerts
from tests.bench.alerts.alternatives import ALTERNATIVES
from tests.bench.alerts.traffic import Traffic
from tests.exporter.in_memory import Worker, apply_records, exporter
from tests.support import HOUR

RULE_EXPRESSIONS = [
    expr
    for rules in alerts().values()
    for alert in rules
    if alert.name in ALTERNATIVES
    for expr in (alert.expr, *(record.expr for record in alert.records))
]
ALTERNATIVE_EXPRESSIONS = [
    alternative
    for alternatives in ALTERNATIVES.values()
    for alternative in (alternatives.plain, alternatives.figure)
]
FAMILIES_READ = frozenset(
    name.encode()
    for expr in (*RULE_EXPRESSIONS, *ALTERNATIVE_EXPRESSIONS)
    for name in re.findall(r"\bcx_\w+", expr)
)
"""The families that a rule reads. The others are left out of the file."""
BLOCK = 54 * HOUR
"""In ms, a valid size of blocks. promtool reads a file once for each block, so a file is one block."""
TARGET_LABELS = b'{job="cxgauge",instance="a"'


def timestamped_lines(exposition: bytes, now: int) -> Iterator[bytes]:
    """Yield the lines of the exposition with this timestamp."""
    timestamp = b" %.3f\n" % (now / 1000)
    for line in exposition.splitlines():
        name, brace, _ = line.partition(b" ")[0].partition(b"{")
        if line[:1] != b"#" and name in FAMILIES_READ and b'window="5m"' not in line:
            series, _, value = line.rpartition(b" ")
            labels = b"," + series.partition(b"{")[2] if brace else b"}"
            yield name + TARGET_LABELS + labels + b" " + value + timestamp


def write_samples(traffic: Traffic, moments_to_read: Iterable[int], folder: Path) -> None:
    """Run a worker and an exporter in memory over the traffic, and write a file of samples for each block."""
    folder.mkdir()
    state = exporter()
    worker, events, n = Worker(state), traffic.events, 0
    for block, moments in groupby(moments_to_read, key=lambda now: now // BLOCK):
        with (folder / f"{block}.txt").open("wb") as file:
            for now in moments:
                first = n
                while n < len(events) and events[n].stamp <= now:
                    n += 1
                apply_records(state, worker(events[first:n], now), monotonic_ms=now)
                for _ in state.refresh(now, now):
                    pass
                file.writelines(timestamped_lines(state.exposition.plain, now))
            file.write(b"# EOF\n")
