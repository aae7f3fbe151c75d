"""The live page for everyone: by axe-core, by keyboard, with a screen reader, on a phone, with large text."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stream.config import load
from stream.exporter.comment_reader import CommentReader
from tests.core.aggregation.feedback.test_notes import note
from tests.exporter.in_memory import answers
from tests.exporter.live.accessibility import faint, overflowing, violations
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter, shop_events
from tests.exporter.live.stored_lists import StoredLists
from tests.exporter.live.test_alertmanager import ALERT, alertmanager
from tests.exporter.live.test_lists import TICKET_URL, WEB, events
from tests.exporter.live.test_page import ENTER, TAB, selection_shown
from tests.exporter.test_comment_reader import comment, write
from tests.support import HOUR, MINUTE, NOW

pytestmark = pytest.mark.tools

FOCUSED = "(document.activeElement.textContent || document.activeElement.id).trim()"
ESCAPE, SHIFT = 27, 8
# The focused element, or the part that shows its focus.
MARKED = """(document.activeElement.matches('.pick') ? document.activeElement.closest('.tile')
  : document.activeElement.matches('[type=radio]') ? document.activeElement.nextElementSibling : document.activeElement)"""
IS_SEEN = f"""((e) => {{
  const [{{ left, right, top, bottom }}] = e.getClientRects();
  const at = document.elementFromPoint((left + right) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2);
  return getComputedStyle(e).outlineStyle !== 'none' && (e.contains(at) || at === document.activeElement);
}})({MARKED})"""
SETTINGS = {
    "CXGAUGE_TARGETS": json.dumps({"cx_nps_score": 40, "cx_csat_ratio": 0.1, "cx_ces_easy_ratio": 0.6}),
    "CXGAUGE_BENCHMARKS": json.dumps({"cx_nps_score": {"value": 20, "source": "A survey", "year": 2025}}),
    "CXGAUGE_EXPORTER_TICKET_URL": TICKET_URL,
}
ALERTS = [
    *(ALERT | {"labels": ALERT["labels"] | {"view": "channel", "channel": f"c{n}"}} for n in range(4)),
    ALERT
    | {
        "labels": {"alertname": "CxAnswersLate", "severity": "critical"},
        "annotations": {"summary": "x " * 80},
    },
]


@asynccontextmanager
async def everything() -> AsyncIterator[LiveExporter]:
    """Yield a running exporter whose page has every part, with long texts."""
    reader = CommentReader(load(None, {}))
    reader.reason = ""
    for name, score in (("detractor", 3), ("promoter", 10)):
        write(reader, name, comment("slow " * 300, NOW - HOUR, answer_class=name, score=score))
    source = StoredLists()
    async with alertmanager(json.dumps(ALERTS)) as url:
        live = LiveExporter(url, web=WEB, list_source=source, comment_reader=reader, **SETTINGS)
        notes = [note(f"n{i}", "Release" * 14, NOW - i * HOUR, channel="app") for i in range(22)]
        await live.publish([*shop_events(), *events(), *answers(3, 9, channel="x" * 64), *notes])
        source.fill(*live.worker.partitions.values())
        async with live.running():
            yield live


async def open_everything(tab: Tab, live: LiveExporter, **size: Any) -> None:
    """Open the page, wait for all its parts and unfold them."""
    await tab.open(f"{live.url}/#window=7d&view=channel&tile=cx_nps_score", **size)
    parts = (
        ".alert",
        ".moved",
        ".reasons",
        ".breakdown",
        ".notes li",
        ".comment",
        "#lists tbody tr",
        "#verdict h2",
    )
    await tab.until(f"{json.dumps(parts)}.every((part) => document.querySelector(part))")
    await tab.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")


@pytest.mark.parametrize("theme", ["light", "dark", "forced colours"])
async def test_every_part_of_the_page(user_tab: Tab, axe: str, theme: str) -> None:
    """Wide and narrow, with the dialog, and with stale values. Nothing is wider than the screen."""
    async with everything() as live:
        await open_everything(user_tab, live, dark=theme == "dark")
        if theme == "forced colours":
            forced = {"name": "forced-colors", "value": "active"}
            await user_tab.send_command("Emulation.setEmulatedMedia", features=[forced])
            assert await user_tab.evaluate("matchMedia('(forced-colors: active)').matches")
        background = await user_tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background.strip("rgb()").split(","))) < 300) is (theme == "dark")
        for width in (1280, 360, 320):
            await user_tab.resize(width, 900)
            assert await violations(user_tab, axe) == []
            assert await faint(user_tab) == []
            assert await overflowing(user_tab) == []
            assert await user_tab.evaluate("document.documentElement.scrollWidth") <= width
        live.monotonic_ms += 40_000
        await user_tab.until("state.textContent === 'Incomplete' && !reason.hidden")
        assert await violations(user_tab, axe) + await faint(user_tab) == []
        await user_tab.evaluate("document.querySelector('.about').click()")
        assert await violations(user_tab, axe) == []


async def test_other_states_of_the_page(tab: Tab, axe: str) -> None:
    """Without values, without events, with nothing wrong, without alerts, and not connected. Lists and comments are off."""
    live = LiveExporter()

    async def check(state: str) -> None:
        await tab.until(state)
        for width in (1280, 360):
            await tab.resize(width, 900)
            assert await violations(tab, axe) + await faint(tab) + await overflowing(tab) == [], state

    async with live.running():
        await tab.open(f"{live.url}/#window=1h")
        await check("state.textContent === 'Incomplete' && verdict.hidden && !firing.hidden")
        await live.publish()
        await check("state.textContent === 'No events yet' && notice.textContent && verdict.hidden")
        await live.publish(answers(3))
        await check("verdict.innerText.startsWith('Nothing is wrong in the figures')")
        live.alerts.shown = {"connected": False, "error": "request timed out", "alerts": []}
        await check("verdict.innerText.startsWith('Firing alerts are unknown')")
    await check("state.textContent === 'Not connected' && verdict.hidden")
    tab.messages.clear()  # the browser reports the broken connection


async def test_the_first_screen_says_whether_anything_is_wrong(tab: Tab) -> None:
    """Alerts before targets before changes. Only changes that a test confirms count, and only of the first figures."""
    settings = {"CXGAUGE_TARGETS": json.dumps({"cx_nps_score": 40, "cx_ces_easy_ratio": 0.5})}
    async with alertmanager("[]") as url:
        live = LiveExporter(url, **settings)
        await live.publish([*answers(60, 10, NOW - 90 * MINUTE), *answers(60, 10)])
        text = "verdict.innerText.replace(/\\s+/g, ' ')"
        async with live.running():
            await tab.open(f"{live.url}/#window=1h")
            await tab.until(
                f"{text} === 'Nothing is wrong No alerts are firing. No target is missed."
                " No figure at a glance is clearly worse than in the 1h before.'"
            )
            assert await tab.evaluate("firing.hidden")
            await live.publish(answers(20, 0))
            await tab.until(f"{text} === 'Worse than in the 1h before: NPS'")
            assert await tab.evaluate("verdict.dataset.state") == "warn"
            await live.publish(answers(60, 1))
            await tab.until(f"{text} === 'A target is missed: NPS Worse than in the 1h before: NPS.'")
            shown = {"name": "CxNpsDrop", "summary": "x", "runbook": "", "since": "", "labels": {}}
            alerts = [shown | {"severity": severity} for severity in ("warning", "critical")]
            live.alerts.shown = {"connected": True, "error": "", "alerts": alerts[:1], "more": 0}
            await tab.until(f"{text}.startsWith('1 alert is firing A target is missed: NPS. Worse')")
            alerts[1]["name"] = "CxCsatDrop"
            live.alerts.shown = {"connected": True, "error": "", "alerts": alerts, "more": 0}
            await tab.until(f"{text}.startsWith('2 alerts are firing, 1 of them critical A target')")
            assert await tab.evaluate("verdict.dataset.state") == "bad"
            screen = await tab.evaluate(
                "document.querySelector('[data-id=cx_nps_score]').getBoundingClientRect().bottom"
            )
            assert screen < 900, "the first figures are on the first screen"


async def test_every_control_works_by_keyboard(user_tab: Tab) -> None:
    """Every control is reached with Tab in the order of the page, forwards and backwards, and is seen with its focus.

    It works with Enter, arrows and Escape, after which the focus is where it was.
    """
    tab = user_tab
    async with everything() as live:
        await open_everything(tab, live)
        focused: list[str] = []
        while (not focused or focused[-1] != "/livez") and len(focused) < 200:
            await tab.press("Tab", TAB)
            focused.append(await tab.evaluate(FOCUSED))
            assert await tab.evaluate(IS_SEEN), focused
        tiles = await tab.evaluate("[...document.querySelectorAll('.pick')].map((pick) => pick.textContent)")
        assert [name for name in focused if name in tiles] == tiles
        assert focused[0] == "Skip to the metrics"
        assert focused.count("?") == len(tiles)
        controls = {"n", "Value", "channel", "Time line as a table", "Definition", "/metrics", "old & odd/id"}
        assert controls <= set(focused)
        back = [focused[-1]]
        while back[-1] != focused[0] and len(back) < 200:
            await tab.press("Tab", TAB, modifiers=SHIFT)
            back.append(await tab.evaluate(FOCUSED))
        assert back == focused[::-1]
        await tab.press("Enter", ENTER, "\r")
        assert await tab.evaluate("document.activeElement.id") == "glance"
        await tab.evaluate("document.querySelector('[data-sort=value]').focus()")
        for order in ("descending", "ascending", "descending"):
            await tab.press("Enter", ENTER, "\r")
            assert await tab.evaluate("document.activeElement.closest('th').ariaSort") == order
        await live.publish(answers(3, 0, channel="new"))
        await tab.until("document.querySelector('.breakdown').innerText.includes('new')")
        assert await tab.evaluate("document.activeElement.dataset.sort") == "value", "what is focused stays"
        await tab.evaluate("document.querySelector('[data-id=cx_csat_ratio] .pick').focus()")
        await tab.press("Enter", ENTER, "\r")
        await tab.until(selection_shown("7d", "channel", "cx_csat_ratio"))
        assert await tab.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
        await tab.press("Tab", TAB)
        await tab.press("Enter", ENTER, "\r")
        assert await tab.until("definition.open && definition.textContent")
        assert "top two points" in await tab.evaluate("definition.textContent")
        assert await tab.evaluate("definition.contains(document.activeElement)")
        await tab.press("Escape", ESCAPE)
        await tab.until("!definition.open && document.activeElement.className === 'about'")
        await tab.evaluate("document.querySelector('#windows input:checked').focus()")
        await tab.press("ArrowLeft", 37)
        await tab.until(selection_shown("24h", "channel", "cx_csat_ratio"))


async def test_what_is_read_out_and_what_stays(user_tab: Tab) -> None:
    """A refresh changes figures, but no live region and no element of a table, so that a reading position stays."""
    tab = user_tab
    async with everything() as live:
        await open_everything(tab, live)
        regions = await tab.evaluate(
            """window.heard = [], window.gone = 0;
            const live = [...document.querySelectorAll('[role=status], [role=alert], [aria-live=polite]')];
            const options = { childList: true, characterData: true, subtree: true };
            const observer = new MutationObserver((all) => heard.push(...all.map(({ target }) => target.textContent)));
            live.forEach((region) => observer.observe(region, options));
            const counter = new MutationObserver((all) => all.forEach(({ removedNodes }) => { gone += removedNodes.length; }));
            document.querySelectorAll('#alerts, #comments, #lists, #health-table, #detail table')
              .forEach((part) => counter.observe(part, { childList: true, subtree: true }));
            live.map((region) => region.id)"""
        )
        assert {"notice", "verdict"} <= set(regions)
        n = "document.querySelector('[data-id=cx_nps_score] .n').dataset.n"
        topic = "document.querySelector('[data-topic=\"cx.feedback\"]').innerText"
        for _ in range(3):
            was = [await tab.evaluate(n), await tab.evaluate(topic)]
            live.now += MINUTE
            await live.publish(answers(1, 10, live.now))
            await tab.until(f"{n} !== {was[0]!r} && {topic} !== {json.dumps(was[1])}")
        assert await tab.evaluate("heard") == []
        assert await tab.evaluate("gone") == 0
        live.alerts.shown = {"connected": True, "error": "", "alerts": [], "more": 0}
        await tab.until("!verdict.innerText.includes('firing')")
        assert await tab.evaluate("heard.length") > 0


async def test_large_text_on_a_small_screen(user_tab: Tab) -> None:
    """At 200 % nothing is cut off or wider than the screen, and tiles stand below each other."""
    async with everything() as live:
        for width in (1280, 640, 320):
            await open_everything(user_tab, live, width=width)
            await user_tab.evaluate("document.documentElement.style.fontSize = '200%'")
            await user_tab.until("getComputedStyle(document.body).fontSize === '30px'")
            assert await overflowing(user_tab) == []
            cut = await user_tab.evaluate(
                """[...document.querySelectorAll('.tile *, .alert *, header *, #verdict *, #detail > :not(.scroll)')].filter((e) =>
                  getComputedStyle(e).overflow !== 'visible' && e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML.slice(0, 100))"""
            )
            assert [part for part in cut if "plot" not in part and "select" not in part] == []
        await user_tab.until(
            "new Set([...document.querySelectorAll('.tile')].map((e) => e.getBoundingClientRect().left)).size === 1"
        )


@pytest.mark.parametrize("width", [1680, 1280, 800, 360])
async def test_rows_of_tiles_are_full(tab: Tab, width: int) -> None:
    """The last tile of each row ends at the edge of its list, for every number of tiles."""
    live = LiveExporter()
    await live.publish(shop_events())
    async with live.running():
        await tab.open(f"{live.url}/#window=7d", width=width)
        await tab.until("document.querySelectorAll('.tile').length > 30")
        ragged = """[...document.querySelectorAll('.tiles')].flatMap((list) => {
          const edges = new Map();
          for (const tile of list.children) {
            const { top, right } = tile.getBoundingClientRect();
            edges.set(Math.round(top), right);
          }
          const end = list.getBoundingClientRect().right;
          return [...edges.values()].filter((right) => Math.abs(right - end) > 1);
        })"""
        await tab.until(f"({ragged}).length === 0")
        widths = await tab.evaluate(
            "[...document.querySelectorAll('.tiles')].map((list) => [list.children.length, new Set([...list.children].map((e) => e.getBoundingClientRect().top)).size])"
        )
        assert widths[0] == [8, 4 if width == 360 else 2]
        assert all(rows < tiles for tiles, rows in widths)


async def test_nothing_moves_for_those_who_ask_for_it(tab: Tab) -> None:
    """With prefers-reduced-motion there is no transition, and the detail is shown at once."""
    live = LiveExporter()
    await live.publish(shop_events())
    async with live.running():
        await tab.open(f"{live.url}/#window=7d", width=360, height=800)
        moving = "getComputedStyle(document.querySelector('.tile')).transitionDuration"
        assert await tab.evaluate(moving) != "0s"
        reduced = {"name": "prefers-reduced-motion", "value": "reduce"}
        await tab.send_command("Emulation.setEmulatedMedia", features=[reduced])
        assert await tab.evaluate(moving) == "0s"
        top = await tab.evaluate(
            "document.querySelector('[data-id=\"cx_open_tickets\"] .pick').click(), detail.getBoundingClientRect().top"
        )
        assert abs(top) < 2
