"""The files of the live page, as browsers request them."""

import gzip
import re
from collections.abc import AsyncIterator
from graphlib import TopologicalSorter
from hashlib import sha512

import pytest
from aiohttp import ClientSession, web

from stream.devbroker.ports import free_port
from stream.exporter.http.static_files import FOLDER, files, routes

VENDORED = {
    "uPlot.iife.min.js": "8df9b8c2bc60abbdd95c5cf260f46681f41def2623b6c1f9ed2cdf823a62797e2b8277c700c01926043560b4ec73a1ce5fed6d9c68e7905b9eadb73ca08da626",
    "uPlot.min.css": "c57618bc6a0fa8e8e13309299315930efec7be5cab93212acdce14485aff66d0580bb7a4944dc33410dc72a88c8f657344a49f7d9cdea9545c91d633271f6a7d",
    "uPlot.LICENSE.txt": "26ad5134b24da27b0a962f68d6d7a72a206aa69c4cb376c494f32fd887cd5346d7c329ae88cc91978510807e395494c147539768312ddfe43e58f1f53be0cd55",
}


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Yield a client of a server with the static files only."""
    app, port = web.Application(), free_port()
    app.add_routes(routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as client:
        yield client
    await runner.cleanup()


def test_every_referenced_file_exists() -> None:
    """Files referenced by the document and by the modules."""
    available = files()
    referenced = set(re.findall(r'(?:href|src)="static/([^"]+)"', available["index.html"].plain.decode()))
    for name in [name for name in available if name.endswith(".js") and "/" not in name]:
        referenced |= set(re.findall(r'from "\./([^"]+)"', available[name].plain.decode()))
    assert referenced <= available.keys()
    licences = {name for name in available if name.endswith(".txt")}
    assert available.keys() - licences - {"index.html"} == referenced, "nothing is left over"


def test_modules_of_the_page_have_no_import_cycle() -> None:
    """A topological order of the modules exists. CycleError is raised otherwise."""
    imports = {
        name: re.findall(r'from "\./([^"]+)"', file.plain.decode())
        for name, file in files().items()
        if name.endswith(".js") and "/" not in name
    }
    order = list(TopologicalSorter(imports).static_order())
    assert order[-1] == "app.js"


def test_the_page_is_small() -> None:
    """Its own JavaScript, and all that a browser loads, compressed."""
    modules = [file for name, file in files().items() if name.endswith(".js") and "/" not in name]
    assert sum(len(file.plain) for file in modules) < 80_000
    assert sum(len(file.gzipped) for name, file in files().items() if not name.endswith(".txt")) < 80_000


def test_vendored_files_are_as_published() -> None:
    """The vendored files are uPlot 1.6.32 from npm with its licence, by hash."""
    vendor = FOLDER / "vendor"
    assert {path.name: sha512(path.read_bytes()).hexdigest() for path in vendor.glob("uPlot*")} == VENDORED


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/static/app.js", "/static/icon.svg"])
async def test_the_content_security_policy_allows_own_files_only(session: ClientSession, path: str) -> None:
    """The policy is strict, and content types are not guessed."""
    async with session.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert policy[0] == "default-src 'none'"
        assert not [rule for rule in policy if "unsafe" in rule or "http" in rule or "*" in rule]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] in {
            "text/html; charset=utf-8",
            "text/css; charset=utf-8",
            "text/javascript; charset=utf-8",
            "image/svg+xml; charset=utf-8",
        }


def test_the_document_has_nothing_inline() -> None:
    """The document has no inline script, style or handler, and no external address."""
    document = files()["index.html"].plain.decode()
    assert not re.findall(r"<style|\sstyle=|\son\w+=|https?:|javascript:", document)
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", document))


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip"])
async def test_unchanged_files_are_not_sent_again(session: ClientSession, accept_encoding: str) -> None:
    """Browsers revalidate with the ETag of their encoding."""
    headers = {"Accept-Encoding": accept_encoding}
    async with session.get("/static/page.css", headers=headers) as answer:
        body = await answer.read()
        tag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "no-cache"
        assert (answer.headers.get("Content-Encoding") == "gzip") is (accept_encoding == "gzip")
    assert (gzip.decompress(body) if accept_encoding == "gzip" else body) == (
        FOLDER / "page.css"
    ).read_bytes()
    for etag in (tag, f"W/{tag}", f'"other", {tag}'):
        async with session.get("/static/page.css", headers=headers | {"If-None-Match": etag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
    async with session.get("/static/page.css", headers=headers | {"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/../server.py", "/static/%2e%2e/server.py", "/static/"]
)
async def test_other_paths_are_not_found(session: ClientSession, path: str) -> None:
    """Paths outside of the folder are refused."""
    async with session.get(path) as answer:
        assert answer.status == 404
