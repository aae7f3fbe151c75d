"""`GET /api/v1/figures`: the figures of `/metrics` by metric, view and window."""

from collections.abc import Iterable, Sequence
from functools import partial

from aiohttp import web
from multidict import MultiMapping

from stream.core.metrics import REGISTRY
from stream.core.model.aggregation_config import AggregationConfig
from stream.exporter.api.figures import FigureFilter, ServedText
from stream.exporter.api.formats import FORMATS, Format, joined
from stream.exporter.http.pages import Pages, send
from stream.text import printable

PATH = "/api/v1/figures"


class FiguresEndpoint:
    """Answers requests with the newest bytes of `/metrics`. Bad parameters get status 400 with the allowed values."""

    def __init__(self, config: AggregationConfig) -> None:
        self._views = config.views
        self._windows = [window.label for window in config.windows]

    def routes(self, pages: Pages) -> list[web.RouteDef]:
        """Return the routes. `pages` are those of `/metrics`."""

        async def answer(request: web.Request, answered: Format) -> web.StreamResponse:
            wanted = self._filter(request.query)
            with pages.taken() as page:
                pieces = joined(answered.pieces(ServedText(page.plain), wanted, self._views))
                headers = {
                    "Content-Type": f"{answered.content_type}; charset=utf-8",
                    "Cache-Control": "no-store",
                    "X-Content-Type-Options": "nosniff",
                }
                return await send(request, web.StreamResponse(headers=headers), pieces)

        return [
            web.get(PATH + suffix, partial(answer, answered=answered)) for suffix, answered in FORMATS.items()
        ]

    def _filter(self, query: MultiMapping[str]) -> FigureFilter:
        """Return the wanted figures, all of them without parameters. Raises HTTPBadRequest."""
        allowed = {"metric": [*REGISTRY], "view": [*self._views], "window": self._windows}
        for name in query:
            if name not in allowed:
                raise _bad_request("parameter", name, allowed)
        metrics, views, windows = (
            _chosen(name, query.getall(name, []), values) for name, values in allowed.items()
        )
        return FigureFilter([REGISTRY[name] for name in metrics], views, windows)


def _chosen(name: str, values: Sequence[str], allowed: Sequence[str]) -> Sequence[str]:
    """Return the values of a parameter in the order of those allowed, all of them if none is given."""
    for value in values:
        if value not in allowed:
            raise _bad_request(name, value, allowed)
    return [value for value in allowed if value in values] if values else allowed


def _bad_request(name: str, value: str, allowed: Iterable[str]) -> web.HTTPBadRequest:
    text = f"{name}: got {printable(value)!r}, allowed are {', '.join(allowed)}\n"
    return web.HTTPBadRequest(text=text)
