"""Cards of incidents: the API and the live page in headless Chromium, compared with `/metrics`."""

import json
import re

import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator

from stream.exporter.api import openapi
from tests.exporter.leavers import leavers, open_matters, quiet_month, release
from tests.exporter.live.accessibility import faint, overflowing, violations
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_page import ENTER, TAB, served
from tests.support import NOW, Event

HOSTILE = '<img src=x onerror=document.title="owned">"\\{{7*7}}`;'
CARDS = """[...document.querySelectorAll('.card')].map((card) => ({
  text: card.querySelector('.text').textContent,
  links: [...card.querySelectorAll('a')].map((a) => [a.dataset.kind, a.textContent, a.getAttribute('href')]),
  figures: [...card.querySelectorAll('a')].flatMap((a) => JSON.parse(a.dataset.figures)),
}))"""


def incident() -> list[Event]:
    """Return the events of an incident whose channel, reason and note are markup."""
    events = [*quiet_month(app=HOSTILE), *leavers(HOSTILE), *open_matters(), release(HOSTILE)]
    return sorted(events, key=lambda event: event.stamp)


async def api(live_exporter: LiveExporter) -> dict:
    async with ClientSession() as session, session.get(f"{live_exporter.url}/api/v1/incidents") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return await answer.json()


@pytest.mark.tools
async def test_page_api_and_series_are_equal(tab: Tab, axe: str) -> None:
    """To the last digit, with hostile labels. A clause leads to its tile by the keyboard, and keeps the focus when figures change.

    Cards are accessible, also on a phone, and the first line of the page counts them.
    """
    live_exporter = LiveExporter()
    await live_exporter.publish(incident())
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=7d&view=total&tile=cx_nps_score")
        (shown,) = await tab.until(f"(({CARDS}).length && {CARDS})")
        (card,) = (await api(live_exporter))["incidents"]
        series = await served(live_exporter)
        assert shown["text"] == card["text"]
        assert card["text"].count(HOSTILE) == 4  # where, reason, note, notices
        clauses = card["clauses"]
        assert shown["links"] == [[clause["kind"], clause["text"], clause["link"]] for clause in clauses]
        figures = [figure for clause in clauses for figure in clause["figures"]]
        assert shown["figures"] == figures
        assert {figure["series"]: figure["value"] for figure in figures}.items() <= series.items()
        assert await tab.evaluate("document.title") == "cxgauge"
        assert await tab.evaluate("document.getElementById('incidents-note').textContent") == "1 now."
        assert await tab.until("document.querySelector('#verdict h2')?.textContent") == "1 incident now"
        assert await tab.evaluate("verdict.dataset.state") == "bad"
        alert = {
            "name": "CxLeavingSpike",
            "severity": "critical",
            "summary": "x",
            "runbook": "",
            "since": "",
            "labels": {},
        }
        live_exporter.alerts.shown = {"connected": True, "error": "", "alerts": [alert], "more": 0}
        folded = "document.querySelector('#alerts .alert details:not([open]) summary')?.textContent"
        assert await tab.until(folded) == "1 alert", "the card says the same"
        for width in (320, 1280):
            await tab.resize(width, 900)
            assert await violations(tab, axe) + await faint(tab) + await overflowing(tab) == []
        await tab.evaluate("document.querySelector('.skip').focus()")
        for _ in range(20):
            await tab.press("Tab", TAB)
            if await tab.evaluate("document.activeElement.dataset.kind === 'where'"):
                break
        await live_exporter.publish(leavers(HOSTILE, 26)[25:])
        await tab.until("document.querySelector('.card').textContent.includes('26 of 934 customers left')")
        assert await tab.evaluate("document.activeElement.dataset.kind") == "where"
        await tab.press("Enter", ENTER, "\r")
        await tab.until(f"location.hash === {json.dumps(clauses[1]['link'])}")
        await tab.until("document.querySelector('#detail h2').textContent === 'Deciding to leave'")
        assert await tab.evaluate("document.querySelector('#windows input:checked').value") == "1h"
        live_exporter.now = NOW + 3_600_000
        await live_exporter.publish()
        await tab.until(f"({CARDS}).length === 0 && document.getElementById('incidents').hidden")


async def test_the_api_answers_as_its_document_says() -> None:
    """Parameters are refused. Without an incident the list is empty."""
    live_exporter = LiveExporter()
    document = openapi.openapi()
    schema = {"components": document["components"], "$ref": "#/components/schemas/Incidents"}
    validator = Draft202012Validator(schema)
    async with live_exporter.running():
        await live_exporter.refresh()
        assert await api(live_exporter) == {"partitions": {"expected": 3, "covered": 0}, "incidents": []}
        await live_exporter.publish(incident())
        await live_exporter.refresh()
        answer = await api(live_exporter)
        validator.validate(answer)
        assert answer["partitions"] == {"expected": 3, "covered": 3}
        assert not re.search(r"\bc\d", json.dumps(answer)), "it names a customer"
        assert answer["incidents"][0]["alert"] == "CxLeavingSpike"
        assert answer["incidents"][0]["since"] == "2026-09-21T14:08:00+00:00"
        url = f"{live_exporter.url}/api/v1/incidents?view=total"
        async with ClientSession() as session, session.get(url) as refused:
            assert (refused.status, await refused.json()) == (
                400,
                {"error": "parameter: got 'view', none is allowed"},
            )
