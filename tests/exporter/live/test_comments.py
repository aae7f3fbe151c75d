"""Kept comments over HTTP and on the live page: for users only, as text, with filters."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

from stream.config import load
from stream.exporter.comment_reader import CommentReader
from stream.exporter.live.comments import NOT_KEPT
from stream.http.web_config import WebConfig
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_lists import WEB, answer
from tests.exporter.live.test_page import PROBE
from tests.exporter.test_comment_reader import comment, write
from tests.support import HOUR, NOW

TEXTS = "[...document.querySelectorAll('.comment .text')].map((e) => e.textContent)"
BAD_LABELS = ("channel", "colour:red", ["channel:app", "channel:web"])
LABELS = {"CXGAUGE_METRICS_LABELS": '["limit"]'}
FILTER = """((name, value) => {{
  const select = document.querySelector(`[data-filter="${{name}}"]`);
  select.value = value;
  select.dispatchEvent(new Event('change'));
}})({}, {})"""


@asynccontextmanager
async def exporter(
    web: WebConfig = WEB, *, kept: bool = True
) -> AsyncIterator[tuple[LiveExporter, CommentReader]]:
    """Yield a running exporter, and the reader of its comments, which has four."""
    reader = CommentReader(load(None, {}))
    reader.reason = ""
    for name, text, fields in (
        ("a", "slow delivery", {"reasons": ("delivery",)}),
        ("b", "all good", {"answer_class": "promoter", "score": 10, "values": {"channel": "app"}}),
        ("c", "too expensive", {"reasons": ("price",), "values": {"channel": "app", "team": "x"}}),
        ("d", PROBE, {"answer_class": None, "score": None, "survey": "exit", "values": {}}),
    ):
        write(reader, name, comment(text, NOW - HOUR + ord(name), **fields))
    live = LiveExporter(web=web, comment_reader=reader if kept else None)
    await live.publish()
    async with live.running():
        yield live, reader


async def test_a_comment_has_everything_that_is_kept() -> None:
    async with exporter() as (live, _):
        status, document = await answer(live, "/api/v1/comments", reason="price")
    assert (status, document["total"]) == (200, 1)
    assert document["comments"] == [
        {
            "feedback_id": "c",
            "time": "2026-09-21T13:13:20.099+00:00",
            "survey": "nps",
            "score": 3,
            "class": "detractor",
            "reasons": ["price"],
            "values": {"channel": "app", "team": "x"},
            "text": "too expensive",
        }
    ]


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({}, [PROBE, "too expensive", "all good", "slow delivery"]),
        ({"limit": "1"}, [PROBE]),
        ({"class": "promoter"}, ["all good"]),
        ({"survey": "exit"}, [PROBE]),
        ({"label": "channel:app"}, ["too expensive", "all good"]),
        ({"label": ["channel:app", "team:x"]}, ["too expensive"]),
        ({"label": "channel:app", "class": "passive"}, []),
    ],
)
async def test_filters(query: dict[str, str | list[str]], texts: list[str]) -> None:
    async with exporter() as (live, _):
        status, document = await answer(live, "/api/v1/comments", **query)
    assert (status, [entry["text"] for entry in document["comments"]]) == (200, texts)


async def test_unknown_parameters_are_refused() -> None:
    async with exporter() as (live, _):
        status, document = await answer(live, "/api/v1/comments", clas="promoter")
        refused = [await answer(live, "/api/v1/comments", label=label) for label in BAD_LABELS]
    assert status == 400
    assert document["error"] == "'clas': allowed parameters are class, label, limit, reason, survey"
    for status, document in refused:
        assert status == 400
        assert "allowed is NAME:VALUE, once for each of channel, touchpoint" in document["error"]


async def test_a_label_called_as_a_parameter_is_another_filter() -> None:
    """Labels of the configuration have names of their own."""
    reader = CommentReader(load(None, LABELS))
    reader.reason = ""
    write(reader, "a", comment("slow", NOW - HOUR, values={"limit": "high"}))
    write(reader, "b", comment("good", NOW - HOUR, values={"limit": "low"}))
    live = LiveExporter(web=WEB, comment_reader=reader, **LABELS)
    await live.publish()
    async with live.running():
        _, document = await answer(live, "/api/v1/comments", label="limit:high", limit="5")
        _, first = await answer(live, "/api/v1/comments", limit="1")
    assert [entry["text"] for entry in document["comments"]] == ["slow"]
    assert document["choices"]["labels"]["limit"] == ["high", "low"]
    assert len(first["comments"]) == 1


async def test_without_a_password_no_comment_is_served() -> None:
    async with (
        exporter() as (live, _),
        ClientSession() as session,
        session.get(f"{live.url}/api/v1/comments") as response,
    ):
        assert response.status == 401
        assert "slow" not in await response.text()


async def test_the_reason_why_there_are_none() -> None:
    async with exporter(kept=False) as (live, _):
        assert await answer(live, "/api/v1/comments") == (403, {"error": NOT_KEPT})
        assert await answer(live, "/api/v1/comments/state") == (200, {"off": NOT_KEPT, "reason": ""})
    async with exporter() as (live, reader):
        reader.reason = "the kept comments are being read, 3 % so far"
        assert await answer(live, "/api/v1/comments") == (503, {"error": reader.reason})


@pytest.mark.tools
async def test_comments_on_the_page(user_tab: Tab) -> None:
    """The newest first, as text, filtered by class, reason and the labels of the view."""
    async with exporter() as (live, reader):
        await user_tab.open(f"{live.url}/#view=channel")
        await user_tab.until(f"({TEXTS}).length === 4")
        assert await user_tab.evaluate(TEXTS) == [PROBE, "too expensive", "all good", "slow delivery"]
        assert await user_tab.evaluate("document.title") == "cxgauge"
        for name, value, texts in (
            ("class", "promoter", ["all good"]),
            ("class", "", [PROBE, "too expensive", "all good", "slow delivery"]),
            ("label channel", "app", ["too expensive", "all good"]),
            ("reason", "price", ["too expensive"]),
        ):
            await user_tab.evaluate(FILTER.format(json.dumps(name), json.dumps(value)))
            await user_tab.until(
                f"JSON.stringify({TEXTS}) === {json.dumps(json.dumps(texts, separators=(',', ':'), ensure_ascii=False))}"
            )
        await user_tab.evaluate("view.value = 'team'; view.dispatchEvent(new Event('change'))")
        await user_tab.until(
            "document.querySelector('[data-filter=\"label team\"]') && !document.querySelector('[data-filter=\"label channel\"]')"
        )
        write(reader, "c", None)
        await user_tab.until(f"({TEXTS}).length === 0")


@pytest.mark.tools
async def test_the_part_says_how_to_switch_it_on(user_tab: Tab) -> None:
    async with exporter(WebConfig(), kept=False) as (live, _):
        await user_tab.open(f"{live.url}/")
        await user_tab.until("comments.innerText.includes('comments.keep = true')")
        requested = [url for url in user_tab.requested_urls if "/api/v1/comments" in url]
        assert requested == [f"{live.url}/api/v1/comments/state"]
