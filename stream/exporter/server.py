"""HTTP: `/metrics` from cached bytes, `/livez`, `/readyz`, and a page that links them."""

from collections.abc import Callable

from aiohttp import web

from stream.config import Address
from stream.exporter.page import CONTENT_TYPE, Page

_INDEX = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>cxgauge</title>
<h1>cxgauge</h1><ul><li><a href="/metrics">/metrics</a><li><a href="/readyz">/readyz</a><li><a href="/livez">/livez</a></ul>
"""
_SAFE = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip, with a weight that is not 0."""
    for coding in accepted.replace(" ", "").lower().split(","):
        name, _, weight = coding.partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


async def serve(page: Page, state: Callable[[], tuple[str, str]], address: Address) -> web.AppRunner:
    """Serve until `cleanup()`. `state`: why it is not ready (empty: it is), and a remark."""

    async def metrics(request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=page.zipped, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=page.plain, headers=headers)

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason, remark = state()
        told = "".join(f"{text}\n" for text in (reason or "ok", remark) if text)
        return web.Response(status=503 if reason else 200, text=told)

    async def index(_: web.Request) -> web.Response:
        return web.Response(body=_INDEX, content_type="text/html", headers=_SAFE)

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            web.get("/", index),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, address.host, address.port).start()
    return runner
