"""The HTTP server of the intake: events, webhooks, metrics and health."""

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from stream.config.settings import Intake
from stream.http import auth
from stream.http.guard import KEEP_ALIVE, GuardedSite, mark_busy
from stream.http.hosts import host_check
from stream.http.web_config import WebConfig
from stream.intake.events_endpoint import EventsEndpoint
from stream.intake.exchange import problems, text_response
from stream.intake.hooks import CompiledHook, HooksEndpoint
from stream.intake.memory import MAX_HELD_BY_HOOKS, MemoryBudget
from stream.intake.metrics import IntakeMetrics
from stream.intake.sink import ACK_TIMEOUT, KafkaSink

MAX_CONNECTIONS = 500
SHUTDOWN_TIMEOUT = ACK_TIMEOUT + 1.0
"""Seconds that open requests have after SIGTERM, which is longer than any waits for Kafka."""
MAX_HEADER_BYTES = 16 << 10
"""Allowed size of a header, because attributes of CloudEvents are there in binary mode."""
UNGUARDED = frozenset({"/v1/events"})
"""Paths that authenticate requests themselves, as do those of webhooks."""


def application(
    settings: Intake,
    web_config: WebConfig,
    hooks: Mapping[str, CompiledHook],
    sink: KafkaSink,
    budget: MemoryBudget | None = None,
    metrics: IntakeMetrics | None = None,
) -> web.Application:
    """Return the application with all routes. Without `budget` and `metrics` it makes its own."""
    budget, metrics = budget or MemoryBudget(), metrics or IntakeMetrics()

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def livez(_: web.Request) -> web.Response:
        return text_response("ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = sink.reason
        return text_response(f"{reason or 'ok'}\n", 503 if reason else 200)

    middlewares = [mark_busy, problems, host_check(settings.listen, settings.hosts, "intake")]
    if web_config.users:
        middlewares.append(_passwords(web_config))
    app = web.Application(middlewares=middlewares)
    events = EventsEndpoint(settings, web_config, sink, budget, metrics)
    app.add_routes(
        [
            web.post("/v1/events", events.post),
            web.get("/metrics", exposition),
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            *HooksEndpoint(hooks, sink, MemoryBudget(MAX_HELD_BY_HOOKS), metrics).routes(),
        ]
    )
    return app


async def serve(app: web.Application, settings: Intake, web_config: WebConfig) -> web.AppRunner:
    """Listen until `cleanup()` is called on the returned runner. Raises OSError if the address cannot be used."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_TIMEOUT,
        keepalive_timeout=KEEP_ALIVE,
        auto_decompress=False,  # decompression needs a limit
        lingering_time=2.0,
        max_field_size=MAX_HEADER_BYTES,
    )
    await runner.setup()
    site = GuardedSite(
        runner, settings.listen, ssl_context=web_config.tls, most=MAX_CONNECTIONS, has_bodies=True
    )
    await site.start()
    return runner


def _passwords(web_config: WebConfig) -> Middleware:
    """Return a middleware that asks for a password where no token or signature is asked for."""
    guarded = auth.middleware(web_config.users)

    @web.middleware
    async def passwords(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in UNGUARDED or request.path.startswith("/v1/hooks/"):
            return await handler(request)
        return await guarded(request, handler)

    return passwords
