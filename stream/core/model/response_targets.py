"""Targets of the first response time, by channel and priority."""

from collections.abc import Mapping
from typing import Literal

import msgspec


class ResponseTarget(msgspec.Struct, frozen=True):
    """Time within which a first response is due, in ms of calendar time or of business hours."""

    duration: int
    hours: Literal["calendar", "business"] = "calendar"


class ResponseTargets:
    """A default in ms of calendar time, and targets by "channel/priority", "channel" or "*/priority"."""

    def __init__(self, default: int, table: Mapping[str, ResponseTarget]) -> None:
        self._default = ResponseTarget(default)
        self._table = {_split(key): target for key, target in table.items()}

    def of(self, channel: str | None, priority: str | None) -> ResponseTarget:
        """Return the target of a ticket.

        The entry for channel and priority comes before that for the channel, that for the priority, and the default.
        """
        if not self._table:
            return self._default
        for key in ((channel, priority), (channel, None), (None, priority)):
            if (target := self._table.get(key)) is not None:
                return target
        return self._default


def _split(key: str) -> tuple[str | None, str | None]:
    channel, _, priority = (part.strip() for part in key.partition("/"))
    return None if channel == "*" else channel, priority or None
