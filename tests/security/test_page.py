"""Hostile values of events and alerts on the live page, in Chromium: they are shown as text, and nothing of them runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated
from tests.exporter.live.browser import chromium
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_alertmanager import alertmanager
from tests.support import NOW, Event

pytestmark = [pytest.mark.tools, pytest.mark.attack("page: hostile values", fails="leaked")]

VALUES = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "<svg onload=document.title='owned'>",
    "<iframe src=javascript:parent.document.title='owned'>",
    "<a href=javascript:document.title='owned'>x</a>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>",
    "<meta http-equiv=refresh content=0;url=//evil>",
    "</title></style></script><b>",
    "javascript:document.title='owned'",
    "data:text/html,<script>1</script>",
    "\"onmouseover=document.title='owned' x=\"",
    "'autofocus onfocus=document.title='owned'",
    "{{7*7}}${7*7}#{7*7}",
    "%3Cscript%3E",
    "&lt;script&gt;&amp;&#60;",
    "\u202eevil\u202c",
    "\u200b\ufeff",
    "e\u0301" * 20,
    "\U0001f600" * 20,
    "__proto__",
    "constructor",
    "\\u003cscript\\u003e",
    "-->*/'';!--\"<XSS>=&{()}",
    "a" * 64,
]
DIMENSIONS = ("channel", "touchpoint", "team")
ROWS = "[...document.querySelectorAll('.breakdown tbody tr')].map((row) => JSON.parse(row.dataset.labels)[0])"
TEXTS = "[...document.querySelectorAll('.breakdown tbody th')].map((cell) => cell.textContent)"


def hostile_events() -> list[Event]:
    """Return events with each value in each field that the page can show."""
    events: list[Any] = []
    for n, value in enumerate(VALUES):
        fields = dict.fromkeys(DIMENSIONS, value)
        events.append(
            FeedbackSubmitted(feedback_id=f"f{n}", survey="nps", score=n % 11, reasons=(value,), **fields)
        )
        events.append(TicketCreated(ticket_id=f"t{n}", topic=value, **fields))
        events.append(CustomerActivated(customer_id=f"c{n}", plan=value, channel=value))
        events.append(CustomerChurned(customer_id=f"c{n}", reason=value))
    return [Event(data, NOW, NOW, f"e{n}") for n, data in enumerate(events)]


async def test_values(require: Callable[[str], Path], tried: Callable[[int], None]) -> None:
    alerts = [
        {
            "labels": {"alertname": value, "severity": value, value: value},
            "annotations": {"summary": value, "runbook_url": value},
        }
        for value in VALUES
    ]
    async with alertmanager(json.dumps(alerts)) as url, chromium(require("chromium")) as tab:
        live_exporter = LiveExporter(url)
        await live_exporter.publish(hostile_events())
        async with live_exporter.running():
            await tab.open(f"{live_exporter.url}/#window=1h")
            await tab.until(f"document.querySelectorAll('.alert').length === {len(VALUES)}")
            names = await tab.evaluate(
                "[...document.querySelectorAll('.alert .name')].map((e) => e.textContent)"
            )
            assert sorted(names) == sorted(VALUES)
            for dimension in DIMENSIONS:
                await tab.evaluate(f"view.value = {dimension!r}; view.dispatchEvent(new Event('change'))")
                await tab.until(
                    f"{ROWS}.length === {len(VALUES)} && location.hash.includes('view={dimension}')"
                )
                assert sorted(await tab.evaluate(TEXTS)) == sorted(VALUES)
                tried(len(VALUES))
            tried(5 * len(VALUES))
            tiles = await tab.evaluate(
                "[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.id)"
            )
            for tile in tiles:
                await tab.evaluate(f"document.querySelector('[data-id={json.dumps(tile)}] .pick').click()")
                await tab.until(f"location.hash.includes(new URLSearchParams({{tile: {json.dumps(tile)}}}))")
                await tab.until("!document.querySelector('[aria-busy]')")
            assert await tab.evaluate("document.title") == "cxgauge"
            foreign = "main script, main img, main iframe, main svg[onload], main style, main base, main form:not(.filters), main meta, main [onfocus], .alert a"
            assert await tab.evaluate(f"document.querySelectorAll({foreign!r}).length") == 0
        assert {url.split("/")[2] for url in tab.requested_urls if url.startswith("http")} == {
            live_exporter.url.removeprefix("http://")
        }
