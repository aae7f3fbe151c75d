"""`cxgauge skip`: order the worker to skip an unreadable batch of an input."""

import re

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.operations.skipping import BatchPosition, order_skip

_POSITION_PATTERN = re.compile(r"([A-Za-z0-9._-]+):([0-9]+):([0-9]+)")


class _PositionType(click.ParamType):
    name = "topic:partition:offset"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> BatchPosition:
        """Return the position. Fail with the allowed form."""
        if (parts := _POSITION_PATTERN.fullmatch(value)) is None:
            self.fail(f"{value!r} is not TOPIC:PARTITION:OFFSET, the form of `cxgauge doctor`", param, ctx)
        return BatchPosition(parts[1], int(parts[2]), int(parts[3]))


@click.command()
@click.argument("position", type=_PositionType(), metavar="TOPIC:PARTITION:OFFSET")
@click.pass_obj
def skip(configuration: Configuration, position: BatchPosition) -> None:
    """Order the worker to skip the unreadable batch at OFFSET, which blocks its partition.

    `cxgauge doctor` and the worker's /readyz name such batches. The records of the batch are in no metric,
    but cx_records_skipped_total counts them. A readable batch is never skipped, and a repeated order has no
    effect.
    """
    settings = configuration.load()
    batch, order = run(settings.kafka, order_skip(settings, position))
    echo(
        f"{position}: {batch.reason}. Ordered to skip {order.records} records and to continue at offset {order.end}. "
        "The worker of the partition does so within seconds"
    )
