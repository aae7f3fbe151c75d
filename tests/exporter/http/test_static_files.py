"""The files of the page, as browsers ask for them."""

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
    """A client of a server of the files only."""
    app, port = web.Application(), free_port()
    app.add_routes(routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as made:
        yield made
    await runner.cleanup()


def test_whatever_the_page_names_is_there() -> None:
    """In the document, and in the modules that import each other."""
    known = files()
    named = set(re.findall(r'(?:href|src)="static/([^"]+)"', known["index.html"].plain.decode()))
    for name in [name for name in known if name.endswith(".js") and "/" not in name]:
        named |= set(re.findall(r'from "\./([^"]+)"', known[name].plain.decode()))
    assert named <= known.keys()
    licences = {name for name in known if name.endswith(".txt")}
    assert known.keys() - licences - {"index.html"} == named, "nothing is left over"


def test_modules_of_the_page_do_not_import_each_other_in_a_circle() -> None:
    """An order exists in which each module comes after what it imports. Raises CycleError otherwise."""
    imports = {
        name: re.findall(r'from "\./([^"]+)"', file.plain.decode())
        for name, file in files().items()
        if name.endswith(".js") and "/" not in name
    }
    order = list(TopologicalSorter(imports).static_order())
    assert order[-1] == "app.js"


def test_what_is_not_ours_is_as_it_was_published() -> None:
    """That is uPlot 1.6.32 from npm, by its files' sums, with its licence."""
    vendor = FOLDER / "vendor"
    assert {path.name: sha512(path.read_bytes()).hexdigest() for path in vendor.glob("uPlot*")} == VENDORED


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/static/app.js", "/static/icon.svg"])
async def test_nothing_else_may_run(session: ClientSession, path: str) -> None:
    """The strictest policy that the page works under; no type is guessed."""
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
    """No script, style, handler or address of elsewhere in it."""
    document = files()["index.html"].plain.decode()
    assert not re.findall(r"<style|\sstyle=|\son\w+=|https?:|javascript:", document)
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", document))


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
async def test_browsers_keep_what_has_not_changed(session: ClientSession, accepted: str) -> None:
    """They ask again, and are told that it is the same; each coding has a tag of its own."""
    headers = {"Accept-Encoding": accepted}
    async with session.get("/static/page.css", headers=headers) as answer:
        body = await answer.read()
        tag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "no-cache"
        assert (answer.headers.get("Content-Encoding") == "gzip") is (accepted == "gzip")
    assert (gzip.decompress(body) if accepted == "gzip" else body) == (FOLDER / "page.css").read_bytes()
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        async with session.get("/static/page.css", headers=headers | {"If-None-Match": known}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
    async with session.get("/static/page.css", headers=headers | {"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/../server.py", "/static/%2e%2e/server.py", "/static/"]
)
async def test_other_files_are_not_there(session: ClientSession, path: str) -> None:
    """Whatever way is tried."""
    async with session.get(path) as answer:
        assert answer.status == 404
