"""Rows of the lists of tickets and customers behind the figures, as commands and the exporter show them."""

from typing import Generic, Literal, NamedTuple, TypeVar, get_args

TicketListName = Literal["waiting", "awaiting-reply", "over-target", "reopened", "orphans", "unanswered"]
TICKET_LISTS: tuple[TicketListName, ...] = get_args(TicketListName)
WINDOWED_LISTS = frozenset({"reopened", "unanswered"})
"""The lists of moments in a window. They begin with the newest one, the others with the oldest."""
LeavingState = Literal["scheduled", "churned"]


class TicketRow(NamedTuple):
    """A ticket in a list. `since` is in ms: the moment that put it there. Dimension values are None if unknown."""

    since: int
    id: str
    channel: str | None
    team: str | None
    priority: str | None


class Wanted(NamedTuple):
    """The values that the tickets of a list must have. None: any."""

    channel: str | None = None
    team: str | None = None
    priority: str | None = None

    def includes(self, row: TicketRow) -> bool:
        """Return whether a row has these values."""
        return (
            self.channel in (None, row.channel)
            and self.team in (None, row.team)
            and self.priority in (None, row.priority)
        )


class LeavingRow(NamedTuple):
    """A customer who gave notice, or who churned. `since` is in ms.

    `reason` and `voluntary` are those of the churn, None for a notice.
    """

    since: int
    id: str
    state: LeavingState
    reason: str | None
    voluntary: bool | None
    plan: str | None


Row = TypeVar("Row", TicketRow, LeavingRow)


class Listing(NamedTuple, Generic[Row]):
    """The first rows of a list, and the number of all."""

    rows: list[Row]
    total: int
