"""`cxgauge publish`: JSON Lines of events, each to its topic."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import click

from schemas.codec import Undecodable
from schemas.envelope import Event
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.config import Settings
from stream.importing.sending import DECODER, ProgressMeter, Timestamps, describe_inputs, send_all

CHUNK = 1 << 16


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--timestamps",
    type=click.Choice(["now", "event"]),
    default="now",
    show_default=True,
    help="Timestamps of the records: the present, or the event's time.",
)
@click.option("--key", help="Key of all feedback and ticket events, instead of their customer.")
@click.pass_obj
def publish(configuration: Configuration, file: str, timestamps: Timestamps, key: str | None) -> None:
    """Send the events of FILE (- is stdin): one a line, CloudEvents or bare objects.

    A line that is no event is reported, the rest is sent; exit 1 at the end.
    """
    settings = configuration.load()
    path = Path(file)
    size = path.stat().st_size if path.is_file() else None
    with click.open_file(file, "rb") as raw:
        reader = Lines(file, raw)
        run(settings.kafka, _publish(settings, reader, size, timestamps, key))
    sys.exit(1 if reader.bad else 0)


async def _publish(
    settings: Settings, reader: "Lines", size: int | None, timestamps: Timestamps, key: str | None
) -> None:
    await describe_inputs(settings)
    with ProgressMeter(size) as meter:
        await send_all(settings, reader.events(meter), meter, timestamps=timestamps, key=key)
        bad = f"; {reader.bad:,} could not be used" if reader.bad else ""
        click.echo(f"{meter.events:,} sent, {meter.rate:,.0f}/s{bad}")


class Lines:
    """The events of a file or pipe; counts and reports the lines that are none."""

    def __init__(self, name: str, raw: IO[bytes]) -> None:
        self._name = name
        self._raw = raw
        self.bad = 0

    async def events(self, meter: ProgressMeter) -> AsyncIterator[Event]:
        """Each as soon as its line is there; the meter gets the bytes."""
        number = 0
        async for line in self._lines(meter):
            number += 1
            if not line or line.isspace():
                continue
            try:
                event = DECODER.decode(line, ())
            except Undecodable as error:
                self.bad += 1
                click.echo(f"{self._name}:{number}: {error}", err=True)
            else:
                yield event

    async def _lines(self, meter: ProgressMeter) -> AsyncIterator[bytes]:
        rest = b""
        async for chunk in _chunks(self._raw):
            meter.position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
        yield rest


async def _chunks(raw: IO[bytes]) -> AsyncIterator[bytes]:
    if not _may_be_silent(raw):
        while chunk := raw.read(CHUNK):
            yield chunk
        return
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), raw
    )
    try:
        while chunk := await reader.read(CHUNK):
            yield chunk
    finally:
        transport.close()


def _may_be_silent(raw: IO[bytes]) -> bool:
    """Whether it is a pipe or terminal: what came is to go out while nothing more comes."""
    try:
        mode = os.fstat(raw.fileno()).st_mode
    except OSError:  # nothing of the system's, as in tests
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or raw.isatty()
