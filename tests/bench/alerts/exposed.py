"""What the real exporter shows of traffic while its clock advances, as OpenMetrics with timestamps."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from stream.monitoring.alerts.prometheus_files import alerts
from tests.bench.alerts.rivals import RIVALS
from tests.bench.alerts.traffic import Traffic
from tests.exporter.in_memory import Worker, apply_records, exporter
from tests.support import HOUR

_RULES = [
    expr
    for each in alerts().values()
    for alert in each
    if alert.name in RIVALS
    for expr in (alert.expr, *(record.expr for record in alert.records))
]
_RIVALS = [each for rivals in RIVALS.values() for each in (rivals.plain, rivals.figure)]
READ = frozenset(name.encode() for expr in (*_RULES, *_RIVALS) for name in re.findall(r"\bcx_\w+", expr))
"""The families that some rule reads; the others are left out of the file."""
BLOCK = 54 * HOUR
"""A size that blocks may have. promtool reads a file once for each block in it, so a file is one block."""
_WHERE = b'{job="cxgauge",instance="a"'


def written(page: bytes, now: int) -> Iterator[bytes]:
    """The page as it would have been scraped at this moment."""
    stamp = b" %.3f\n" % (now / 1000)
    for line in page.splitlines():
        name, brace, _ = line.partition(b" ")[0].partition(b"{")
        if line[:1] != b"#" and name in READ and b'window="5m"' not in line:
            series, _, value = line.rpartition(b" ")
            labels = b"," + series.partition(b"{")[2] if brace else b"}"
            yield name + _WHERE + labels + b" " + value + stamp


def drive(traffic: Traffic, looks: Iterable[int], folder: Path) -> None:
    """A worker and an exporter in memory, each look after what had happened by then; a file for each block."""
    folder.mkdir()
    shown = exporter()
    worker, events, n = Worker(shown), traffic.events, 0
    for block, moments in groupby(looks, key=lambda now: now // BLOCK):
        with (folder / f"{block}.txt").open("wb") as file:
            for now in moments:
                first = n
                while n < len(events) and events[n].stamp <= now:
                    n += 1
                apply_records(shown, worker(events[first:n], now), monotonic_ms=now)
                for _ in shown.refresh(now, now):
                    pass
                file.writelines(written(shown.exposition.plain, now))
            file.write(b"# EOF\n")
