"""The HTTP server: `/metrics` from cached bytes, `/livez`, `/readyz` and the live page."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from stream.config import Address
from stream.exporter.exposition import Exposition
from stream.exporter.http import static_files
from stream.exporter.http.pages import Pages
from stream.http import auth
from stream.http.guard import KEEP_ALIVE, GuardedSite, mark_busy
from stream.http.hosts import host_check
from stream.http.web_config import WebConfig

Closing = Callable[[web.Application], Awaitable[None]]


async def serve(
    exposition: Exposition,
    state: Callable[[], tuple[str, str]],
    address: Address,
    live: Iterable[web.RouteDef] = (),
    closing: Iterable[Closing] = (),
    config: WebConfig = WebConfig(),  # noqa: B008 - it is immutable
    hosts: Iterable[str] = (),
    figures: Callable[[Pages], Iterable[web.RouteDef]] = lambda _: (),
) -> web.AppRunner:
    """Start the server. It serves until `cleanup()` is called on the returned runner.

    Args:
        exposition: the body of `/metrics`
        state: returns the reason why `/readyz` answers 503, empty if it is ready, and a note
        address: host and port to listen on
        live: the routes that send data to the live page
        closing: called at shutdown, before the server waits for open connections
        config: certificate and users
        hosts: names by which it may be requested, beside those of the loopback interface
        figures: returns the routes that send parts of the pages of `/metrics`
    """

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason, note = state()
        body = "".join(f"{text}\n" for text in (reason or "ok", note) if text)
        return web.Response(status=503 if reason else 200, text=body)

    middlewares = [mark_busy, host_check(address, hosts)]
    if config.users:
        middlewares.append(auth.middleware(config.users))
    app = web.Application(middlewares=middlewares)
    pages = Pages(exposition)
    app.add_routes(
        [
            web.get("/metrics", pages.metrics),
            *figures(pages),
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            *static_files.routes(),
            *live,
        ]
    )
    app.on_shutdown.extend(closing)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=KEEP_ALIVE)
    await runner.setup()
    await GuardedSite(runner, address, ssl_context=config.tls).start()
    return runner
