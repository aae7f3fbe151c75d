"""A Prometheus over samples of the past: rules are evaluated by it, whatever the time is now."""

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
from tests.bench.alerts.exposed import BLOCK

Labels = tuple[tuple[str, str], ...]
Series = dict[Labels, dict[int, float]]
"""By labels: moment (s) to value."""


class Span(NamedTuple):
    """Moments at which rules are evaluated, in seconds."""

    begin: int
    end: int
    step: int


def evaluate(port: int, expr: str, span: Span) -> Series:
    """What an expression gives at each moment; raises AssertionError in Prometheus' words."""
    asked = urllib.parse.urlencode(
        {"query": expr, "start": span.begin, "end": span.end, "step": span.step, "timeout": "10m"}
    )
    reply = get(port, f"/api/v1/query_range?{asked}", timeout=600)
    assert reply.status == 200, reply
    found: list[Any] = json.loads(reply.text)["data"]["result"]
    return {
        tuple(sorted(each["metric"].items())): {int(at): float(value) for at, value in each["values"]}
        for each in found
    }


@contextmanager
def serving(data: Path) -> Iterator[int]:
    """A Prometheus on a folder of blocks; its port."""
    config, port = data.with_suffix(".yml"), free_port()
    config.write_text("{}\n")
    command = [
        _program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Child("prometheus", command, log=data.with_suffix(".log")) as child:
        child.wait_until(lambda: get(port, "/-/ready").status == 200)
        yield port


def backfill(samples: Path, data: Path) -> None:
    """Files of samples as OpenMetrics become blocks."""
    promtool = (_program("promtool"), "tsdb", "create-blocks-from", "openmetrics")
    for path in sorted(samples.iterdir()):
        subprocess.run([*promtool, "--max-block-duration=54h", path, data], check=True, capture_output=True)


def record(data: Path, spans: Iterable[Span]) -> None:
    """Evaluate every recording rule at every moment, those that read others after them, and keep what they give."""
    spans = list(spans)
    for number, records in enumerate(_levels()):
        with serving(data) as port:
            lines = (line for rule in records for line in _recorded(port, rule, spans))
            samples = write(lines, data.with_suffix(f".{number}"))
        backfill(samples, data)


def _recorded(port: int, rule: RecordingRule, spans: Iterable[Span]) -> Iterator[tuple[int, str]]:
    """Samples of a rule's series, each series in the order of time."""
    found: Series = {}
    for span in spans:
        for labels, values in evaluate(port, rule.expr, span).items():
            found.setdefault(labels, {}).update(values)
    for labels, values in found.items():
        named = {k: v for k, v in labels if k != "__name__"} | dict(rule.labels)
        inside = ",".join(f'{k}="{v}"' for k, v in named.items())
        yield from ((at, f"{rule.name}{{{inside}}} {v!r} {at}\n") for at, v in sorted(values.items()))


def write(lines: Iterable[tuple[int, str]], folder: Path) -> Path:
    """Samples with their moments (s), to a file for each block."""
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


def _levels() -> Iterator[list[RecordingRule]]:
    """Recording rules in the order in which they can be evaluated, many at once."""
    yield [RecordingRule(each.series, f"vector({each.value:g})") for each in thresholds()]
    left = [rule for each in alerts().values() for alert in each for rule in alert.records]
    while left:
        names = {rule.name for rule in left}
        now = [rule for rule in left if not any(name in rule.expr for name in names)]
        yield now
        left = [rule for rule in left if rule not in now]


def _program(name: str) -> Path:
    found = find(name)
    assert isinstance(found, Path), str(found)
    return found
