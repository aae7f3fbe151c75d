"""A Prometheus over samples of the past, which evaluates rules at any time."""

import json
import subprocess
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from stream.devbroker.http import get
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child
from stream.devbroker.tools import find
from stream.monitoring.alerts.prometheus_files import alerts, thresholds
from stream.monitoring.alerts.rule import RecordingRule
from tests.bench.alerts.samples import BLOCK

Labels = tuple[tuple[str, str], ...]
Series = dict[Labels, dict[int, float]]
"""Values by time in s, by labels."""


class Span(NamedTuple):
    """The times at which rules are evaluated, in seconds."""

    begin: int
    end: int
    step: int


def evaluate(port: int, expr: str, span: Span) -> Series:
    """Return the values of an expression at each step. Raises AssertionError with Prometheus' error."""
    query = urllib.parse.urlencode(
        {"query": expr, "start": span.begin, "end": span.end, "step": span.step, "timeout": "10m"}
    )
    reply = get(port, f"/api/v1/query_range?{query}", timeout=600)
    assert reply.status == 200, reply
    result: list[Any] = json.loads(reply.text)["data"]["result"]
    return {
        tuple(sorted(series["metric"].items())): {int(at): float(value) for at, value in series["values"]}
        for series in result
    }


@contextmanager
def serving(data: Path) -> Iterator[int]:
    """Run Prometheus on a folder of blocks and yield its port."""
    config, port = data.with_suffix(".yml"), free_port()
    config.write_text("{}\n")
    command = [
        find_program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Child("prometheus", command, log=data.with_suffix(".log")) as child:
        child.wait_until(lambda: get(port, "/-/ready").status == 200)
        yield port


def backfill(samples: Path, data: Path) -> None:
    """Convert OpenMetrics files to blocks."""
    promtool = (find_program("promtool"), "tsdb", "create-blocks-from", "openmetrics")
    for path in sorted(samples.iterdir()):
        subprocess.run([*promtool, "--max-block-duration=54h", path, data], check=True, capture_output=True)


def record(data: Path, spans: Iterable[Span]) -> None:
    """Evaluate the recording rules at every step, in the order of their dependencies, and store the results."""
    spans = list(spans)
    for number, records in enumerate(rule_levels()):
        with serving(data) as port:
            lines = (line for rule in records for line in recorded_samples(port, rule, spans))
            samples = write(lines, data.with_suffix(f".{number}"))
        backfill(samples, data)


def recorded_samples(port: int, rule: RecordingRule, spans: Iterable[Span]) -> Iterator[tuple[int, str]]:
    """Yield the samples of a rule, each series in order of time."""
    samples: Series = {}
    for span in spans:
        for labels, values in evaluate(port, rule.expr, span).items():
            samples.setdefault(labels, {}).update(values)
    for labels, values in samples.items():
        all_labels = {k: v for k, v in labels if k != "__name__"} | dict(rule.labels)
        label_list = ",".join(f'{k}="{v}"' for k, v in all_labels.items())
        yield from ((at, f"{rule.name}{{{label_list}}} {v!r} {at}\n") for at, v in sorted(values.items()))


def write(lines: Iterable[tuple[int, str]], folder: Path) -> Path:
    """Write samples with their times in s to one file for each block."""
    folder.mkdir()
    with ExitStack() as stack:
        files: dict[int, TextIO] = {}
        for at, line in lines:
            block = at * 1000 // BLOCK
            if block not in files:
                files[block] = stack.enter_context((folder / f"{block}.txt").open("w"))
            files[block].write(line)
        for file in files.values():
            file.write("# EOF\n")
    return folder


def rule_levels() -> Iterator[list[RecordingRule]]:
    """Yield recording rules in the order of their dependencies, many at once."""
    yield [RecordingRule(threshold.series, f"vector({threshold.value:g})") for threshold in thresholds()]
    remaining = [rule for rules in alerts().values() for alert in rules for rule in alert.records]
    while remaining:
        names = {rule.name for rule in remaining}
        ready = [rule for rule in remaining if not any(name in rule.expr for name in names)]
        yield ready
        remaining = [rule for rule in remaining if rule not in ready]


def find_program(name: str) -> Path:
    program = find(name)
    assert isinstance(program, Path), str(program)
    return program
