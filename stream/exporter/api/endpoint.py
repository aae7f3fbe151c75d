"""`GET /api/v1/figures`: the figures of `/metrics` by metric, view and window, or those of a period of the past."""

import asyncio
from contextlib import suppress
from functools import partial

from aiohttp import web

from stream.exporter.api.figures import FigureFilter, ServedText
from stream.exporter.api.formats import FORMATS, Format, joined
from stream.exporter.api.paths import FIGURES
from stream.exporter.api.periods import PeriodFigures
from stream.exporter.api.query import WantedPeriod, wanted_figures
from stream.exporter.http.pages import Pages, run_in_slices, send
from stream.exporter.state import ExporterState

PERIOD_TIMEOUT = 60.0
"""Seconds that a client may take to read the figures of a period, while others wait."""


class FiguresEndpoint:
    """Answers requests with the newest bytes of `/metrics`, or with sums of panes. Bad parameters get status 400.

    `busy` is held while the exporter's state is changed or read in steps.
    """

    def __init__(self, exporter: ExporterState, busy: asyncio.Lock) -> None:
        self._exporter = exporter
        self._busy = busy
        self._turn = asyncio.Lock()
        """Held while the figures of a period are in memory, so that there is one period at most."""

    def routes(self, pages: Pages) -> list[web.RouteDef]:
        """Return the routes. `pages` are those of `/metrics`."""
        return [
            web.get(FIGURES + suffix, partial(self._answer, answered=answered, pages=pages))
            for suffix, answered in FORMATS.items()
        ]

    async def _answer(self, request: web.Request, answered: Format, pages: Pages) -> web.StreamResponse:
        config = self._exporter.config
        wanted, period = wanted_figures(request.query, config, lambda: self._exporter.present)
        if period is not None:
            return await self._answer_period(request, answered, wanted, period, pages)
        with pages.taken() as page:
            pieces = joined(answered.pieces(ServedText(page.plain), wanted, config.views))
            return await send(request, _response(answered), pieces)

    async def _answer_period(
        self, request: web.Request, answered: Format, wanted: FigureFilter, period: WantedPeriod, pages: Pages
    ) -> web.StreamResponse:
        async with self._turn:
            figures = PeriodFigures(self._exporter, wanted, period)
            with pages.taken() as page:
                text = ServedText(page.plain)
                await run_in_slices(text.index())
                figures.head = text.head | figures.head
            async with self._busy:
                await run_in_slices(figures.take())
            pieces = joined(answered.pieces(figures, wanted, self._exporter.config.views))
            response = _response(answered)
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_TIMEOUT):
                    await send(request, response, pieces)
            return response


def _response(answered: Format) -> web.StreamResponse:
    headers = {
        "Content-Type": f"{answered.content_type}; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.StreamResponse(headers=headers)
