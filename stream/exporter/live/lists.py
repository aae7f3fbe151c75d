"""`/api/v1/lists`, `/api/v1/tickets` and `/api/v1/customers/leaving`: the IDs behind figures, for users only."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from aiohttp import web

from schemas.topics import DomainName
from stream.core.model.listing import (
    TICKET_LISTS,
    WINDOWED_LISTS,
    LeavingRow,
    Listing,
    TicketListName,
    TicketRow,
    Wanted,
)
from stream.core.model.time_buckets import Window, default_label
from stream.exporter.live.answers import check_names, json_answer, limit_of, not_yet, refusal
from stream.exporter.live.list_documents import ListContext, leaving_document, ticket_document
from stream.exporter.state import ExporterState

MAX_GAPS = 3
"""Maximum number of partitions that are named as not covered."""
WITHOUT_USERS = (
    "Lists with IDs are served to users only. Add basic_auth_users to the file of exporter.web_config and start the exporter "
    "again: deploy/docs/lists.md"
)


class ListSource(Protocol):
    """The lists, read from the state topics."""

    reason: str
    """Why there are no lists. Empty if there are."""

    def tickets(
        self, name: TicketListName, window: Window, now: int, most: int, wanted: Wanted
    ) -> Callable[[], Listing[TicketRow]]:
        """Return a function that lists tickets. It may run in another thread."""

    def leaving(self, window: Window, now: int, most: int) -> Callable[[], Listing[LeavingRow]]:
        """Return a function that lists the customers who gave notice or churned. It may run in another thread."""

    def restart(self) -> None:
        """Read everything from the beginning, because topics were created again."""

    async def run(self) -> None:
        """Follow the state for ever."""


class Lists:
    """The endpoints. `source` is None if the exporter has no users.

    `present` returns the present in ms of a monotonic clock and since the epoch.
    """

    def __init__(
        self, exporter: ExporterState, source: ListSource | None, present: Callable[[], tuple[int, int]]
    ) -> None:
        self._exporter = exporter
        self._source = source
        self._present = present
        self._listing = asyncio.Lock()
        """Held while a list is made, so that lists take one thread at most."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v1/lists", self._state),
            web.get("/api/v1/tickets", self._tickets),
            web.get("/api/v1/customers/leaving", self._leaving),
        ]

    async def _state(self, _: web.Request) -> web.Response:
        """Answer why there are no lists: `off` until the exporter is started with users, `reason` for now."""
        off = WITHOUT_USERS if self._source is None else ""
        return json_answer({"off": off, "reason": "" if self._source is None else self._source.reason})

    async def _tickets(self, request: web.Request) -> web.Response:
        query = request.query
        check_names(query, {"list", "window", "limit", *Wanted._fields})
        name = next((known for known in TICKET_LISTS if known == query.get("list", "waiting")), None)
        if name is None:
            raise refusal(web.HTTPBadRequest, f"list: allowed are {', '.join(TICKET_LISTS)}")
        window, most = self._window(query), limit_of(query)
        wanted = Wanted(query.get("channel"), query.get("team"), query.get("priority"))
        context = self._context("tickets", window if name in WINDOWED_LISTS else None)
        async with self._listing:
            listing = await asyncio.to_thread(self._ready().tickets(name, window, context.now, most, wanted))
        return json_answer(ticket_document(name, listing, context))

    async def _leaving(self, request: web.Request) -> web.Response:
        query = request.query
        check_names(query, {"window", "limit"})
        window, most = self._window(query), limit_of(query)
        context = self._context("customers", window)
        async with self._listing:
            listing = await asyncio.to_thread(self._ready().leaving(window, context.now, most))
        return json_answer(leaving_document(listing, context))

    def _ready(self) -> ListSource:
        """Return the source, when a list is made, because the state may be read once more while a request waits.

        Raises HTTPForbidden without users, and HTTPServiceUnavailable until the state is read.
        """
        if self._source is None:
            raise refusal(web.HTTPForbidden, WITHOUT_USERS)
        if self._source.reason:
            raise not_yet(self._source.reason)
        return self._source

    def _window(self, query: Mapping[str, str]) -> Window:
        windows = {window.label: window for window in self._exporter.config.windows}
        label = query.get("window", default_label(self._exporter.config.windows))
        if label not in windows:
            raise refusal(web.HTTPBadRequest, f"window: allowed are {', '.join(windows)}")
        return windows[label]

    def _context(self, domain: DomainName, window: Window | None) -> ListContext:
        monotonic, wall = self._present()
        gaps = [
            f"{partition.domain} {partition.partition}: {reason}"
            for partition, reason in self._exporter.coverage.gaps(monotonic)
            if partition.domain == domain
        ]
        more = f"; and {len(gaps) - MAX_GAPS} more" if len(gaps) > MAX_GAPS else ""
        return ListContext(
            self._exporter.now(wall),
            window.label if window else None,
            "; ".join(gaps[:MAX_GAPS]) + more,
            self._exporter.settings.exporter.ticket_url,
        )
