"""Options that select dead letters."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from schemas.times import to_ms
from schemas.topics import TOPICS
from stream.clock import wall_ms
from stream.config.setting_types import milliseconds
from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.operations.deadletters.dead_letter import Filter

_DEFAULT_NAMES = {name: topic.name for name, topic in TOPICS.items()}
_SOURCE_PATTERN = re.compile(r"(hooks/)?[A-Za-z0-9._-]{1,249}")
_POSITION_PATTERN = re.compile(r"[0-9]+:[0-9]+")


class _Moment(click.ParamType):
    """A time, or a duration before now. The value is in ms since the epoch."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time in ms. Fail with the allowed forms."""
        try:
            return wall_ms() - milliseconds(value)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(
                f'{value!r} is neither a duration such as "2h" nor a time such as 2026-11-22T10:15:00Z',
                param,
                ctx,
            )
        return to_ms(moment)


class _PositionType(click.ParamType):
    """The partition and offset of a dead letter."""

    name = "partition:offset"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the position without leading zeros. Fail with the allowed form."""
        if not _POSITION_PATTERN.fullmatch(value):
            self.fail(f"{value!r} is not PARTITION:OFFSET, the form of `cxgauge deadletter ls`", param, ctx)
        return ":".join(str(int(part)) for part in value.split(":"))


class _Source(click.ParamType):
    """Where dead letters come from, as their header `cx_topic` names it."""

    name = "topic"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, of an input topic its default one. Fail with the allowed forms."""
        if not _SOURCE_PATTERN.fullmatch(value):
            self.fail(
                f"{value!r} is no topic; allowed are {', '.join(_DEFAULT_NAMES)}, the name of a bridged topic, "
                "and hooks/NAME of a webhook",
                param,
                ctx,
            )
        return _DEFAULT_NAMES.get(value, value)


POSITION = _PositionType()
_OPTIONS = (
    click.option(
        "--reason",
        "reasons",
        multiple=True,
        type=click.Choice(DEAD_LETTER_OUTCOMES),
        help="Only dead letters with this reason. May be repeated.",
    ),
    click.option(
        "--topic",
        "topics",
        multiple=True,
        type=_Source(),
        metavar="TOPIC",
        help="Only dead letters from feedback, tickets, customers, a bridged topic, or hooks/NAME of a webhook. May be repeated.",
    ),
    click.option(
        "--since",
        type=_Moment(),
        help="Only dead letters written at or after this time, or within this duration, such as 2h.",
    ),
    click.option(
        "--until",
        type=_Moment(),
        help="Only dead letters written before this time, or more than this duration ago, such as 2h.",
    ),
    click.option("--key", help="Only dead letters with exactly this record key."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a `Filter` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filter_of(options: dict[str, Any], positions: tuple[str, ...] = ()) -> Filter:
    """Return the filter of these options and positions."""
    return Filter(
        frozenset(options["reasons"]),
        frozenset(options["topics"]),
        options["since"],
        options["until"],
        None if options["key"] is None else options["key"].encode(),
        frozenset(positions),
    )
