"""The options that say which letters are meant."""

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
_POSITION_PATTERN = re.compile(r"[0-9]+:[0-9]+")


class _Moment(click.ParamType):
    """A duration, that long ago, or a time; in ms since the epoch."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; it fails with what is allowed."""
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
                f'{value!r} is no duration such as "2h" and no time such as 2026-11-22T10:15:00Z', param, ctx
            )
        return to_ms(moment)


class _PositionType(click.ParamType):
    """Where a letter lies."""

    name = "partition:offset"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; it fails with what is allowed."""
        if not _POSITION_PATTERN.fullmatch(value):
            self.fail(f"{value!r} is not PARTITION:OFFSET, as `cxgauge deadletter ls` shows it", param, ctx)
        return ":".join(str(int(part)) for part in value.split(":"))


POSITION = _PositionType()
_OPTIONS = (
    click.option(
        "--reason",
        "reasons",
        multiple=True,
        type=click.Choice(DEAD_LETTER_OUTCOMES),
        help="May be given again.",
    ),
    click.option(
        "--topic",
        "topics",
        multiple=True,
        type=click.Choice([*_DEFAULT_NAMES, *_DEFAULT_NAMES.values()]),
        metavar="TOPIC",
        help="Where it came from: feedback, tickets or customers. May be given again.",
    ),
    click.option(
        "--since", type=_Moment(), help="Only letters written since this time, or since a duration ago: 2h."
    ),
    click.option(
        "--until", type=_Moment(), help="Only letters written before this time, or before a duration ago: 2h."
    ),
    click.option("--key", help="Only letters whose record key is exactly this."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a `Filter`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filter_of(options: dict[str, Any], places: tuple[str, ...] = ()) -> Filter:
    """The filter that the options make."""
    return Filter(
        frozenset(options["reasons"]),
        frozenset(_DEFAULT_NAMES.get(topic, topic) for topic in options["topics"]),
        options["since"],
        options["until"],
        None if options["key"] is None else options["key"].encode(),
        frozenset(places),
    )
