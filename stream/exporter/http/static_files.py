"""The static files of the live page, read once. Headers allow caching by ETag and forbid foreign content."""

import gzip
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from aiohttp.helpers import ETag

FOLDER = Path(__file__).parents[1] / "static"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "img")),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class StaticFile(NamedTuple):
    """The content of a file, plain and compressed, with its media type and ETag."""

    media_type: str
    plain: bytes
    gzipped: bytes
    etag: str


def takes_gzip(accepted: str) -> bool:
    """Return whether an `Accept-Encoding` header names gzip with a weight above 0."""
    for coding in accepted.replace(" ", "").lower().split(","):
        name, _, weight = coding.partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def files() -> dict[str, StaticFile]:
    """Read all files. Return them by their path in the folder."""
    static_files = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in TYPES:
            plain = path.read_bytes()
            name = path.relative_to(FOLDER).as_posix()
            static_files[name] = StaticFile(
                TYPES[path.suffix], plain, gzip.compress(plain), sha256(plain).hexdigest()[:20]
            )
    return static_files


def routes() -> list[web.RouteDef]:
    """Return the routes `/` and `/static/...`."""
    static_files = files()

    async def index(request: web.Request) -> web.Response:
        return _response(request, static_files["index.html"])

    async def static(request: web.Request) -> web.Response:
        file = static_files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return _response(request, file)

    return [web.get("/", index), web.get("/static/{name:.+}", static)]


def _response(request: web.Request, file: StaticFile) -> web.Response:
    gzipped = takes_gzip(request.headers.get("Accept-Encoding", ""))
    etag = f"{file.etag}-gzip" if gzipped else file.etag
    headers = {**_HEADERS, "ETag": f'"{etag}"'}
    if any(known == ETag(value=etag, is_weak=known.is_weak) for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    body = file.gzipped if gzipped else file.plain
    return web.Response(body=body, content_type=file.media_type, charset="utf-8", headers=headers)
