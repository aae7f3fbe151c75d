"""The HTTP server: `/metrics` from cached bytes, `/livez`, `/readyz` and the live page."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from stream.config import Address
from stream.exporter.exposition import CONTENT_TYPE, Exposition
from stream.exporter.http import auth, static_files
from stream.exporter.http.static_files import takes_gzip
from stream.exporter.http.web_config import WebConfig

Closing = Callable[[web.Application], Awaitable[None]]


async def serve(
    exposition: Exposition,
    state: Callable[[], tuple[str, str]],
    address: Address,
    live: Iterable[web.RouteDef] = (),
    closing: Iterable[Closing] = (),
    config: WebConfig = WebConfig(),  # noqa: B008 - it is immutable
) -> web.AppRunner:
    """Start the server. It serves until `cleanup()` is called on the returned runner.

    Args:
        exposition: the body of `/metrics`
        state: returns the reason why `/readyz` answers 503, empty if it is ready, and a note
        address: host and port to listen on
        live: the routes that send data to the live page
        closing: called at shutdown, before the server waits for open connections
        config: certificate and users
    """

    async def metrics(request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=exposition.gzipped, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=exposition.plain, headers=headers)

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason, note = state()
        body = "".join(f"{text}\n" for text in (reason or "ok", note) if text)
        return web.Response(status=503 if reason else 200, text=body)

    app = web.Application(middlewares=[auth.middleware(config.users)] if config.users else [])
    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            *static_files.routes(),
            *live,
        ]
    )
    app.on_shutdown.extend(closing)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, address.host, address.port, ssl_context=config.tls).start()
    return runner
