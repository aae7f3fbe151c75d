"""`cxgauge publish`: publish events from JSON Lines."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import click

from schemas.codec import MAX_VALUE, Undecodable
from schemas.envelope import Event
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.options import timestamps_option
from stream.cli.output import echo
from stream.config import Settings
from stream.importing.sending import ProgressMeter, Timestamps, describe_inputs, send_all
from stream.mapping.decoder import DECODER
from stream.mapping.known_fields import unknown_field

CHUNK = 1 << 16
"""Bytes that are read at once."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@timestamps_option("now")
@click.option("--dry-run", is_flag=True, help="Check the events and send nothing.")
@click.option(
    "--allow-unknown-fields",
    is_flag=True,
    help="Send events with fields of data that no worker reads. Without it, they are invalid.",
)
@click.pass_obj
def publish(
    configuration: Configuration,
    file: str,
    timestamps: Timestamps,
    dry_run: bool,
    allow_unknown_fields: bool,
) -> None:
    """Publish the events of FILE (- is stdin): JSON Lines of CloudEvents or bare events.

    Each record has its owner as key: the ID of the answer, ticket, interaction or customer.
    Lines that are not valid events are reported and skipped. The exit code is then 1.
    """
    settings = configuration.load()
    path = Path(file)
    size = path.stat().st_size if path.is_file() else None
    with click.open_file(file, "rb") as raw:
        reader = EventReader(file, raw, allow_unknown_fields=allow_unknown_fields)
        if dry_run:
            asyncio.run(_check(reader, size))
        else:
            run(settings.kafka, _publish(settings, reader, size, timestamps))
    sys.exit(1 if reader.invalid_lines else 0)


async def _publish(
    settings: Settings, reader: "EventReader", size: int | None, timestamps: Timestamps
) -> None:
    await describe_inputs(settings)
    with ProgressMeter(size) as meter:
        await send_all(settings, reader.events(meter), meter, timestamps=timestamps)
        skipped = f"; skipped {reader.invalid_lines:,} invalid lines" if reader.invalid_lines else ""
        echo(f"{meter.events:,} sent, {meter.rate:,.0f}/s{skipped}")


async def _check(reader: "EventReader", size: int | None) -> None:
    with ProgressMeter(size) as meter:
        async for _ in reader.events(meter):
            meter.events += 1
    invalid = f", {reader.invalid_lines:,} lines are not" if reader.invalid_lines else ""
    echo(f"{meter.events:,} events are valid{invalid}; nothing was sent")


class EventReader:
    """A reader of the events of a file or pipe. It reports and counts invalid lines."""

    def __init__(self, name: str, raw: IO[bytes], *, allow_unknown_fields: bool = False) -> None:
        self._name = name
        self._raw = raw
        self._allow_unknown_fields = allow_unknown_fields
        self.invalid_lines = 0

    async def events(self, meter: ProgressMeter) -> AsyncIterator[Event]:
        """Yield each event as soon as its line is complete, and record the read bytes in `meter`."""
        number = 0
        async for line in self._lines(meter):
            number += 1
            text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            if not text.strip() and len(text) <= MAX_VALUE:
                continue
            try:
                event = self._decode(text)
            except Undecodable as error:
                self.invalid_lines += 1
                echo(f"{self._name}:{number}: {error}", err=True)
            else:
                yield event

    def _decode(self, line: bytes) -> Event:
        if len(line) > MAX_VALUE:  # the rest of the line was not kept
            raise Undecodable("oversized", f"value: more than {MAX_VALUE} bytes")
        event, unknown = DECODER.decode_with_unknown(line, ())
        if unknown and not self._allow_unknown_fields:
            raise unknown_field(unknown[0], type(event.data), "data.")
        return event

    async def _lines(self, meter: ProgressMeter) -> AsyncIterator[bytes]:
        """Yield the lines. Of one that is too long for an event, only some more bytes than an event has."""
        incomplete = bytearray()
        async for chunk in _chunks(self._raw):
            meter.position += len(chunk)
            first, *others = chunk.split(b"\n")
            if len(incomplete) <= MAX_VALUE + len(_BYTE_ORDER_MARK):
                incomplete += first
            for line in others:
                yield bytes(incomplete)
                incomplete[:] = line
        yield bytes(incomplete)


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
    """Return whether this is a pipe, socket or terminal, which may send no bytes for a while."""
    try:
        mode = os.fstat(raw.fileno()).st_mode
    except OSError:  # no file of the system, as in tests
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or raw.isatty()
