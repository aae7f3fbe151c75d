"""Times from texts and numbers, and local times that come twice in autumn."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.fields import abbreviated
from schemas.times import EPOCH
from stream.core.model.time_zones import ALLOWED, time_zone
from stream.mapping.conversions import number
from stream.mapping.expressions import shortened

EPOCHS = {"epoch": Decimal(1_000), "epoch_ms": Decimal(1)}
"""Milliseconds of a unit of each format of numbers."""
_PROBE = datetime(2001, 11, 24, 13, 35, 46, tzinfo=UTC)
_HOUR = timedelta(hours=1)


class FileOrder:
    """The order of the local times of one file, by which an hour that comes twice is resolved.

    In a file that ascends a time is the first of its two if that is not before the previous one. Attributes:
        notes: a line for each time that came twice
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._previous: dict[tuple[str, str], datetime] = {}
        self._steps_up: dict[tuple[str, str], int] = {}

    def resolve(self, local: datetime, zone: ZoneInfo, column: str) -> datetime:
        """Return a local time in UTC. `column` is the expression that it is from. Raises ValueError for one that does not exist."""
        first, second = instants(local, zone)
        key = (zone.key, column)
        previous = self._previous.get(key)
        if first == second:
            resolved = first
            if previous is not None and resolved != previous:
                self._steps_up[key] = self._steps_up.get(key, 0) + (1 if resolved > previous else -1)
        else:
            descends = self._steps_up.get(key, 0) < 0
            earlier_fits = previous is None or (second > previous if descends else first >= previous)
            resolved = first if earlier_fits else second
            ordinal = "first" if resolved == first else "second"
            self.notes.append(
                f"{shortened(column)}: {local} comes twice in {zone.key}; taken as the {ordinal}, by the order of the file"
            )
        self._previous[key] = resolved
        return resolved


@lru_cache(maxsize=1_000)
def instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the two instants of a local time, which are mostly the same. Raises ValueError for one that does not exist."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        raise ValueError(f"got {local}, which does not exist in {zone.key}: clocks go forward then")
    return first, second


class TimeReader:
    """Reads times of one format: ISO 8601 if None, epoch, epoch_ms, or a `strptime` format. Raises ValueError for another."""

    def __init__(self, format_: str | None, timezone: str | None) -> None:
        self._zone = None if timezone is None else _zone(timezone)
        self._milliseconds = EPOCHS.get(format_ or "")
        self._format = format_
        self._parse: Callable[[str], datetime] = datetime.fromisoformat
        if format_ is not None and self._milliseconds is None:
            self._parse = _strptime(format_)

    def __call__(self, value: Any, column: str, order: FileOrder) -> datetime:
        """Return a time in UTC. Raises ValueError."""
        try:
            if self._milliseconds is not None:
                ms = number(value, "1234.50") * self._milliseconds
                return EPOCH + timedelta(milliseconds=int(ms // 1))
            if not isinstance(value, str):
                raise ValueError(  # noqa: TRY004
                    f"got {abbreviated(value)}, allowed is a text; the format of a number is epoch or epoch_ms"
                )
            moment = self._moment(value.strip())
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
            if self._zone is not None:
                return order.resolve(moment, self._zone, column)
        except (ArithmeticError, TypeError) as error:  # out of the years 1 to 9999
            raise ValueError(f"got {abbreviated(value)}: {error}") from None
        raise ValueError(f"got {abbreviated(value)}, which has no offset, so timezone must be set")

    def _moment(self, text: str) -> datetime:
        try:
            return self._parse(text)
        except ValueError:
            form = (
                "ISO 8601, such as 2026-01-31T12:00:00Z"
                if self._format is None
                else f"the format {self._format}"
            )
            raise ValueError(f"got {abbreviated(text)}, allowed is a time in {form}") from None


def _zone(name: str) -> ZoneInfo:
    if (zone := time_zone(name)) is None:
        raise ValueError(f"timezone: got {abbreviated(name)}, allowed is {ALLOWED}")
    return zone


def _strptime(format_: str) -> Callable[[str], datetime]:
    """Return a parser that was tried. Raises ValueError for a format that cannot be used, or that has no date."""

    @lru_cache(maxsize=1_000)  # rows of a file often have the same times as others near them
    def parse(text: str) -> datetime:
        return datetime.strptime(text, format_)  # noqa: DTZ007 - the caller adds the zone

    try:
        has_date = parse(_PROBE.strftime(format_)).date() == _PROBE.date()
    except (ValueError, LookupError, TypeError, re.error):
        has_date = False
    if not has_date:
        raise ValueError(
            f"format: got {abbreviated(format_)}, allowed is epoch, epoch_ms or a strptime format with a date, such as"
            " %Y-%m-%d %H:%M:%S"
        )
    return parse
