"""The files of the page: read once, served with what lets browsers keep them and nothing else run in them."""

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
    """A file, as it is and compressed."""

    kind: str
    plain: bytes
    gzipped: bytes
    tag: str


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip, with a weight that is not 0."""
    for coding in accepted.replace(" ", "").lower().split(","):
        name, _, weight = coding.partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def files() -> dict[str, StaticFile]:
    """Every file by its path in the folder."""
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
    """`/` and `/static/...`."""
    known = files()

    async def index(request: web.Request) -> web.Response:
        return _answer(request, known["index.html"])

    async def static(request: web.Request) -> web.Response:
        file = known.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return _answer(request, file)

    return [web.get("/", index), web.get("/static/{name:.+}", static)]


def _answer(request: web.Request, file: StaticFile) -> web.Response:
    gzipped = takes_gzip(request.headers.get("Accept-Encoding", ""))
    tag = f"{file.tag}-gzip" if gzipped else file.tag
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if any(known == ETag(value=tag, is_weak=known.is_weak) for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    body = file.gzipped if gzipped else file.plain
    return web.Response(body=body, content_type=file.kind, charset="utf-8", headers=headers)
