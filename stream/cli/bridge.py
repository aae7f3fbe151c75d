"""`cxgauge bridge`: send the records of another topic as events, exactly once."""

import re
import sys

import click

from stream.bridge.dry_run import translate_unread
from stream.bridge.options import BridgeOptions, FirstStart, Timestamps, check_options, default_group
from stream.bridge.service import run as run_service
from stream.bridge.translation import Counts, Translator
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.options import mapping_option
from stream.cli.output import echo
from stream.config import Settings
from stream.mapping.mapping import load

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


def _name(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a name. Fail with the allowed characters."""
    if value is not None and not _NAME.fullmatch(value):
        raise click.BadParameter(
            f"got {value!r}, allowed are 1 to 249 of the characters a-z A-Z 0-9 . _ -", param=param
        )
    return value


@click.command()
@click.argument("topic", callback=_name)
@mapping_option
@click.option("--group", callback=_name, help="Consumer group. Default: cxgauge-bridge-TOPIC.")
@click.option(
    "--from",
    "first_start",
    type=click.Choice(["beginning", "end"]),
    default="beginning",
    show_default=True,
    help="Where the first start of the group begins. Later starts resume.",
)
@click.option(
    "--timestamps",
    type=click.Choice(["record", "event", "now"]),
    default="record",
    show_default=True,
    help="Timestamps of the sent records: those of the read records, the events' times (event), or the present (now).",
)
@click.option("--once", is_flag=True, help="Read up to the present end of the topic, then exit.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the events up to the present end of the topic. Nothing is sent or committed.",
)
@click.pass_obj
def bridge(
    configuration: Configuration,
    topic: str,
    mapping_name: str,
    group: str | None,
    first_start: FirstStart,
    timestamps: Timestamps,
    once: bool,
    dry_run: bool,
) -> None:
    """Read JSON records of the Kafka topic TOPIC and send them as events, exactly once, until SIGTERM.

    Records that a rule of the mapping takes and that cannot be mapped go to the dead letters. Records that no rule takes
    are ignored. Several bridges of one group share the partitions of TOPIC.
    """
    settings = configuration.load()
    options = BridgeOptions(topic, group or default_group(topic), first_start, timestamps, once or dry_run)
    check_options(options, settings)
    mapping = load(mapping_name)
    if not dry_run:
        echo(run_service(settings, options, mapping))
        return
    counts = run(settings.kafka, _try(settings, options, Translator(mapping, timestamps)))
    unread = (
        ""
        if counts.mapped + counts.ignored + counts.dead_letters
        else f"; group {options.group} has read the topic to its end, another --group begins anew"
    )
    echo(f"{counts}; nothing was sent{unread}", err=True)
    sys.exit(1 if counts.dead_letters else 0)


async def _try(settings: Settings, options: BridgeOptions, translator: Translator) -> Counts:
    """Print the events, and on standard error the details of the dead letters with the positions of their records."""
    total = Counts()
    async for trial in translate_unread(settings, options, translator):
        total.add(trial.counts)
        for record in trial.outgoing:
            headers = {name: (value or b"").decode() for name, value in record.headers}
            if record.domain:
                echo((record.value or b"").decode())
            else:
                echo(
                    f"{options.topic}:{trial.partition.partition}:{headers['cx_offset']}: {headers['cx_detail']}",
                    err=True,
                )
    return total
