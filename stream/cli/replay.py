"""`cxgauge replay`: another system's export as events, with their own times."""

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
"""A column that every file has: the number of the row."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--mapping", "by", type=_FILE, required=True, help="What the rows mean; see deploy/examples.")
@click.option(
    "--speed", type=click.FloatRange(0, min_open=True), help="Times real time; without it as fast as it goes."
)
@click.option(
    "--timestamps",
    type=click.Choice(["event", "now"]),
    default="event",
    show_default=True,
    help="Timestamps of the records: the event's time, or the present.",
)
@click.pass_obj
def replay(
    configuration: Configuration, file: Path, by: Path, speed: float | None, timestamps: Timestamps
) -> None:
    """Send FILE (CSV or XES, also with .gz) as events in the order of their times.

    A row that gives no event is reported, the rest is sent; exit 1 at the end. An error, and nothing
    is sent, when Kafka would delete the oldest event at once for its timestamp.
    """
    settings = configuration.load()
    events, bad = translate(file, by)
    run(settings.kafka, _replay(settings, events, speed, timestamps))
    sys.exit(1 if bad else 0)


def translate(file: Path, by: Path) -> tuple[list[Event], int]:
    """The events of a file in the order of their times, and how many there should be more. Raises CxgaugeError."""
    form, config = mapping.load(by)
    wanted = set[str]().union(*(rule.columns for rule in config))
    events: list[Event] = []
    bad = 0
    for line, cells in _metered(rows.read(file, form)):
        cells[LINE] = str(line)
        if missing := sorted(wanted - cells.keys()):
            raise CxgaugeError(
                f"{file}: has no column {missing[0]!r}, which {by} names; it has {', '.join(cells)}"
            )
        for rule in config:
            try:
                event = rule.event(cells)
            except ValueError as error:
                bad += 1
                click.echo(f"{file}:{line}: {error}", err=True)
            else:
                events += [event] if event else []
    return sorted(events, key=at_ms), bad


def _metered(read: Iterable[Row]) -> Iterator[Row]:
    with ProgressMeter(None, "rows read") as meter:
        for row in read:
            meter.step()
            yield row


def check_retention(events: list[Event], there: dict[str, TopicDescription], now: int) -> None:
    """Raise PreconditionFailed when a topic would not keep the oldest of its events for a day more."""
    oldest: dict[str, int] = {}
    for event in reversed(events):
        for topic in topics_of(type(event.data)):
            oldest[topic.domain] = at_ms(event)
    for domain, first in oldest.items():
        kept = int(there[domain].configs["retention.ms"])
        if kept >= 0 and first < now - kept + UNITS["d"]:
            day = datetime.fromtimestamp(first / 1000, UTC).date()
            raise PreconditionFailed(
                f"the oldest event of {domain} is of {day}, and its topic keeps records for {as_duration(kept)}: Kafka"
                ' would delete it within a minute. Make the topics with topics.retention = "-1", or set retention.ms of'
                " those that exist"
            )


async def _replay(
    settings: Settings, events: list[Event], speed: float | None, timestamps: Timestamps
) -> None:
    there = await describe_inputs(settings)
    if timestamps == "event":
        check_retention(events, there, wall_ms())
    with ProgressMeter(len(events)) as meter:
        if speed is None:
            await send_many(settings, events, meter, timestamps=timestamps, there=there)
        else:
            await send_all(settings, paced(events, speed, meter), meter, timestamps=timestamps)
        click.echo(f"{meter.events:,} sent, {meter.rate:,.0f}/s")


async def paced(events: list[Event], speed: float, meter: ProgressMeter) -> AsyncIterator[Event]:
    """Each when it is due: `speed` times as fast as it happened."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for event in events:
        due = began + (at_ms(event) - at_ms(events[0])) / 1000 / speed
        while (left := due - clock()) > 0:
            meter.show()
            await asyncio.sleep(min(left, 0.25))
        meter.position += 1
        yield event
