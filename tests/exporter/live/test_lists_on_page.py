"""The lists of tickets and customers on the live page, in headless Chromium."""

import pytest

from schemas.tickets import TicketMessage
from stream.http.web_config import WebConfig
from tests.exporter.live.browser import Tab
from tests.exporter.live.test_lists import TICKET_URL, exporter
from tests.exporter.live.test_page import PROBE
from tests.support import NOW, Event

pytestmark = pytest.mark.tools

ROWS = """[...document.querySelectorAll('#lists tbody tr')].map(
  (row) => [...row.children].map((cell) => cell.textContent.replaceAll('\\u202f', ' ')))"""
CHOOSE = "list.value = {!r}; list.dispatchEvent(new Event('change'))"


async def test_every_list_is_shown(user_tab: Tab) -> None:
    async with exporter(CXGAUGE_EXPORTER_TICKET_URL=TICKET_URL) as (live, _):
        await user_tab.open(f"{live.url}/#window=7d")
        await user_tab.until(f"({ROWS}).length === 2")
        assert await user_tab.evaluate(ROWS) == [
            ["old & odd/id", "3 h", "app", "second", "urgent"],
            ["new", "1 min", "web", "", ""],
        ]
        link = await user_tab.evaluate("document.querySelector('#lists tbody a').href")
        assert link == "https://desk.example.org/tickets/old%20%26%20odd%2Fid"
        for name, rows in (
            ("over-target", ["old & odd/id"]),
            ("awaiting-reply", ["solved", "old & odd/id", "new"]),
            ("reopened", ["solved"]),
            ("unanswered", ["solved"]),
            ("orphans", ["orphan"]),
            ("leaving", ["gone", "going"]),
        ):
            await user_tab.evaluate(CHOOSE.format(name))
            await user_tab.until(f"JSON.stringify(({ROWS}).map((row) => row[0])) === JSON.stringify({rows})")
        leaving = await user_tab.evaluate(ROWS)
        assert leaving[0] == ["gone", "2 h", "churned", "price", "gold"]
        await user_tab.evaluate("document.querySelector('#windows input[value=\"1h\"]').click()")
        await user_tab.until(f"({ROWS}).length === 1")


async def test_without_users_the_part_says_how_to_switch_it_on(user_tab: Tab) -> None:
    async with exporter(WebConfig()) as (live, _):
        await user_tab.open(f"{live.url}/")
        await user_tab.until("lists.innerText.includes('exporter.web_config')")
        assert (
            await user_tab.evaluate(
                "document.querySelectorAll('#lists select:not(:where([hidden] *))').length"
            )
            == 0
        )
        requested = [url for url in user_tab.requested_urls if "/api/v1/" in url and "/comments/" not in url]
        assert requested == [f"{live.url}/api/v1/lists"]


async def test_the_part_waits_until_the_state_is_read(user_tab: Tab) -> None:
    async with exporter() as (live, source):
        source.reason = "the state topics are being read, 12 % so far"
        await user_tab.open(f"{live.url}/")
        await user_tab.until("lists.innerText.includes('12 % so far')")
        source.reason = ""
        await user_tab.until(f"({ROWS}).length === 2")


async def test_ids_are_shown_as_text(user_tab: Tab) -> None:
    async with exporter() as (live, source):
        await live.publish(
            [Event(TicketMessage(ticket_id=PROBE, message_id="m", author="agent"), NOW, NOW, "e")]
        )
        source.fill(*live.worker.partitions.values())
        await user_tab.open(f"{live.url}/")
        await user_tab.until(f"({ROWS}).length === 2")
        await user_tab.evaluate(CHOOSE.format("orphans"))
        await user_tab.until(f"({ROWS}).some((row) => row[0].includes('onerror'))")
        assert await user_tab.evaluate("document.title") == "cxgauge"
        assert await user_tab.evaluate("document.querySelectorAll('#lists img, #lists script').length") == 0
