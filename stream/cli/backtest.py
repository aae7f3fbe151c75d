"""`cxgauge backtest`: figures by week and the alerts that exports of the past would have fired."""

import sys
from pathlib import Path

import click
import msgspec

from stream.backtest import page, text
from stream.backtest.reading import exports, read_all
from stream.backtest.report import BacktestReport, report
from stream.backtest.run import Backtest, CpuSeconds
from stream.backtest.sorting import SortedEvents
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.clock import wall_ms
from stream.errors import ConfigError, CxgaugeError
from stream.importing.records import FORMATS, Format


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--mapping",
    "mappings",
    metavar="FILE",
    multiple=True,
    required=True,
    help="Mapping file (TOML) from records to events, or the name of one of `cxgauge mapping list`. With several files one for "
    "all of them, or one for each in their order.",
)
@click.option(
    "--records",
    type=click.Choice(FORMATS),
    help="Format of the files. Default: by the suffix of each (.xes, .jsonl, .ndjson, .json), else CSV.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="Format of the report.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the report to this file, as one page that needs nothing else.",
)
@click.option(
    "--threshold",
    "changed",
    metavar="NAME=VALUE",
    multiple=True,
    help="Another value of a threshold of the rules, such as false_alarms_a_month=4.",
)
@click.pass_obj
def backtest(
    configuration: Configuration,
    files: tuple[Path, ...],
    mappings: tuple[str, ...],
    records: Format | None,
    format_: str,
    html: Path | None,
    changed: tuple[str, ...],
) -> None:
    """Show figures by week and the alerts that would have fired for the events of exports, without Kafka or Prometheus.

    Each FILE is an export as `cxgauge replay` reads it. Views, targets and windows are those of the configuration. Errors
    are reported with their positions and skipped. The exit code is then 1.
    """
    settings = configuration.load()
    thresholds = dict(map(_threshold, changed))
    seconds, latest = CpuSeconds(), wall_ms()
    chosen = exports(files, mappings, records)
    with SortedEvents() as events:
        result = Backtest(settings, thresholds, latest, seconds)
        reading = read_all(chosen, events, latest, lambda line: echo(line, err=True))
        seconds.add("reading")
        outcome = result.run(events)
    for line in (*reading.summaries, *outcome.faults):
        echo(line, err=True)
    document = report(outcome, settings.metrics.views)
    if html is not None:
        _write(html, page.html(document))
    _show(document, format_)
    sys.exit(1 if reading.faulty else 0)


def _threshold(given: str) -> tuple[str, float]:
    name, separator, value = given.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not separator or not 0 <= number < float("inf"):
        raise ConfigError(
            f"--threshold: got {given!r}, allowed is NAME=VALUE with a number from 0, such as z=4"
        )
    return name, number


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CxgaugeError(f"--html: {error}") from error


def _show(document: BacktestReport, format_: str) -> None:
    if format_ == "json":
        echo(msgspec.json.format(msgspec.json.encode(document)).decode())
        return
    for line in text.lines(document):
        echo(line)
