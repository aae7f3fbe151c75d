"""`cxgauge replay`: publish another system's export as events with their original times."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from schemas.envelope import Event, at_ms
from schemas.topics import topics_of
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.clock import wall_ms
from stream.config import Settings
from stream.config.setting_types import UNITS, as_duration
from stream.errors import CxgaugeError, PreconditionFailed
from stream.importing import mapping, rows
from stream.importing.bulk import send_many
from stream.importing.file_form import Row
from stream.importing.sending import ProgressMeter, Timestamps, describe_inputs, send_all
from stream.kafka.topics import TopicDescription

LINE = "file:line"
"""An additional column of every file: the number of the row."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--mapping",
    "mapping_file",
    type=_FILE,
    required=True,
    help="Mapping file (TOML) from rows to events. Examples: deploy/examples.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    help="Multiple of real time, such as 60 for an hour in a minute. Default: as fast as possible.",
)
@click.option(
    "--timestamps",
    type=click.Choice(["event", "now"]),
    default="event",
    show_default=True,
    help="Timestamps of the records: the event's time (event), or the present (now).",
)
@click.option("--dry-run", is_flag=True, help="Translate the rows and send nothing.")
@click.pass_obj
def replay(
    configuration: Configuration,
    file: Path,
    mapping_file: Path,
    speed: float | None,
    timestamps: Timestamps,
    dry_run: bool,
) -> None:
    """Publish FILE (CSV or XES, also with .gz) as events in the order of their times.

    Rows without a valid event are reported and skipped. The exit code is then 1. Nothing is sent if the
    retention of a topic is too short for the oldest event.
    """
    settings = configuration.load()
    events, faulty = translate(file, mapping_file)
    if dry_run:
        span = f" from {events[0].time:%Y-%m-%d} to {events[-1].time:%Y-%m-%d}" if events else ""
        echo(f"{len(events):,} events{span}; nothing was sent")
    else:
        run(settings.kafka, _replay(settings, events, speed, timestamps))
    sys.exit(1 if faulty else 0)


def translate(file: Path, mapping_file: Path) -> tuple[list[Event], int]:
    """Return the events of a file in the order of their times, and the number of faulty ones.

    Raises CxgaugeError.
    """
    form, config = mapping.load(mapping_file)
    wanted = set[str]().union(*(rule.columns for rule in config))
    events: list[Event] = []
    faulty = 0
    for line, cells in _metered(rows.read(file, form)):
        cells[LINE] = str(line)
        if missing := sorted(wanted - cells.keys()):
            raise CxgaugeError(
                f"{file}: has no column {missing[0]!r}, which {mapping_file} names; its columns are {', '.join(cells)}"
            )
        for rule in config:
            try:
                event = rule.event(cells)
            except ValueError as error:
                faulty += 1
                echo(f"{file}:{line}: {error}", err=True)
            else:
                events += [event] if event else []
    return sorted(events, key=at_ms), faulty


def _metered(unmetered: Iterable[Row]) -> Iterator[Row]:
    with ProgressMeter(None, "rows read") as meter:
        for row in unmetered:
            meter.step()
            yield row


def check_retention(events: list[Event], inputs: dict[str, TopicDescription], now: int) -> None:
    """Raise PreconditionFailed if a topic would delete its oldest event within a day."""
    oldest: dict[str, int] = {}
    for event in reversed(events):
        for topic in topics_of(type(event.data)):
            oldest[topic.domain] = at_ms(event)
    for domain, oldest_ms in oldest.items():
        retention = int(inputs[domain].configs["retention.ms"])
        if retention >= 0 and oldest_ms < now - retention + UNITS["d"]:
            day = datetime.fromtimestamp(oldest_ms / 1000, UTC).date()
            raise PreconditionFailed(
                f"the oldest event of {domain} is of {day}, but its topic keeps records for {as_duration(retention)}, so Kafka"
                ' would soon delete it. Create the topics with topics.retention = "-1", or set retention.ms of existing'
                " topics"
            )


async def _replay(
    settings: Settings, events: list[Event], speed: float | None, timestamps: Timestamps
) -> None:
    inputs = await describe_inputs(settings)
    if timestamps == "event":
        check_retention(events, inputs, wall_ms())
    with ProgressMeter(len(events)) as meter:
        if speed is None:
            await send_many(settings, events, meter, timestamps=timestamps, inputs=inputs)
        else:
            await send_all(settings, paced(events, speed, meter), meter, timestamps=timestamps)
        echo(f"{meter.events:,} sent, {meter.rate:,.0f}/s")


async def paced(events: list[Event], speed: float, meter: ProgressMeter) -> AsyncIterator[Event]:
    """Yield each event at its time, `speed` times as fast as in reality."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for event in events:
        due_at = began + (at_ms(event) - at_ms(events[0])) / 1000 / speed
        while (remaining := due_at - clock()) > 0:
            meter.show()
            await asyncio.sleep(min(remaining, 0.25))
        meter.position += 1
        yield event
