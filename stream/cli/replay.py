"""`cxgauge replay`: publish another system's export as events with their original times."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from schemas.envelope import Event, at_ms
from schemas.topics import topics_of
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.options import format_option, mapping_option, timestamps_option
from stream.cli.output import echo
from stream.clock import wall_ms
from stream.config import Settings
from stream.config.setting_types import UNITS, as_duration
from stream.errors import PreconditionFailed
from stream.importing.bulk import send_many
from stream.importing.records import Format, format_of
from stream.importing.sending import ProgressMeter, Timestamps, describe_inputs, send_all
from stream.importing.translation import Translation
from stream.kafka.topics import TopicDescription
from stream.mapping.mapping import load


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@mapping_option
@format_option
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    help="Multiple of real time, such as 60 for an hour in a minute. Default: as fast as possible.",
)
@timestamps_option("event")
@click.option("--dry-run", is_flag=True, help="Translate the records and send nothing.")
@click.pass_obj
def replay(
    configuration: Configuration,
    file: Path,
    mapping_name: str,
    format_: Format | None,
    speed: float | None,
    timestamps: Timestamps,
    dry_run: bool,
) -> None:
    """Publish FILE (CSV, JSON Lines, JSON or XES, also with .gz) as events in the order of their times.

    Errors are reported with their positions and skipped. The exit code is then 1. Nothing is sent if the
    retention of a topic is too short for the oldest event.
    """
    settings = configuration.load()
    translation = Translation(
        file, load(mapping_name), format_ or format_of(file), lambda line: echo(line, err=True)
    )
    events = translation.until(wall_ms())
    if dry_run:
        echo(f"{describe(events)}; nothing was sent")
    else:
        run(settings.kafka, _replay(settings, sorted(events, key=at_ms), speed, timestamps))
    if summary := translation.summary():
        echo(f"{file}: {summary}", err=True)
    sys.exit(1 if translation.faulty else 0)


def describe(events: Iterable[Event]) -> str:
    """Return the number of events and the days of the first and the last, without holding them."""
    count, first, last = 0, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    for event in events:
        count, first, last = count + 1, min(first, event.time), max(last, event.time)
    return f"{count:,} events" + (f" from {first:%Y-%m-%d} to {last:%Y-%m-%d}" if count else "")


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
