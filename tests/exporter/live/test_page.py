"""The page in a browser: headless Chromium, and an exporter in memory that it looks at."""

import json
from collections.abc import AsyncIterator, Callable
from importlib.metadata import files
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.exporter.live.browser import Tab, chromium
from tests.exporter.live.test_alertmanager import ALERT, alertmanager
from tests.exporter.live.world import World, shop
from tests.exporter.memory import answers

pytestmark = pytest.mark.tools

PROBE = '<img src=x onerror=document.title="owned">"\'{{7*7}}</td><script>document.title="owned"</script>'[
    :64
]
FIGURES = """Object.fromEntries([...document.querySelectorAll('.tile')].map(
  (tile) => [tile.dataset.series, tile.querySelector('data').getAttribute('value')]))"""
ROWS = """Object.fromEntries([...document.querySelectorAll('.breakdown tbody tr')].map(
  (row) => [JSON.parse(row.dataset.labels)[0], row.querySelector('data').getAttribute('value')]))"""
FOCUSED = "(document.activeElement.textContent || document.activeElement.id).trim()"
TAB, ENTER = 9, 13


@pytest.fixture
async def tab(require: Callable[[str], Path]) -> AsyncIterator[Tab]:
    """A tab, in which nothing may go wrong: no error, nothing that the policy stops, no request to elsewhere."""
    async with chromium(require("chromium")) as made:
        yield made
        assert made.told == []
        hosts = {url.split("/")[2] for url in made.asked if url.startswith("http")}
        assert len(hosts) == 1, hosts


async def served(world: World) -> dict[str, float]:
    """The lines of /metrics."""
    async with ClientSession() as session, session.get(f"{world.url}/metrics") as answer:
        lines = [line for line in (await answer.text()).split("\n") if line and line[0] != "#"]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def chosen(window: str, view: str = "channel", tile: str = "cx_nps_score") -> str:
    """Whether the page shows that."""
    return (
        f"location.hash === '#' + new URLSearchParams({json.dumps({'window': window, 'view': view, 'tile': tile})})"
        " && !document.querySelector('[aria-busy]')"
    )


async def test_figures_are_those_served(tab: Tab) -> None:
    """Tiles and breakdown equal /metrics to the last digit, in every window and view that is picked."""
    world = World()
    await world.publish(shop())
    async with world.running():
        await tab.open(f"{world.url}/")
        page = await served(world)
        assert await tab.until(chosen("24h"))
        for window in ("7d", "30d", "24h"):
            await tab.eval(f"document.querySelector('#windows input[value=\"{window}\"]').click()")
            await tab.until(chosen(window))
            figures = await tab.eval(FIGURES)
            assert f'cx_nps_score{{view="total",window="{window}"}}' in figures
            assert len(figures) >= 20
            assert {k: float(v) for k, v in figures.items() if v} == {
                k: page[k] for k in figures if k in page
            }
        await tab.eval("view.value = 'touchpoint'; view.dispatchEvent(new Event('change'))")
        await tab.until(chosen("24h", "touchpoint"))
        rows = await tab.eval(ROWS)
        assert len(rows) == 3
        for touchpoint, value in rows.items():
            labels = f'view="touchpoint",touchpoint="{touchpoint}",window="24h"'
            assert float(value) == page[f"cx_nps_score{{{labels}}}"]
        text = await tab.eval("document.querySelector('[data-id=cx_nps_score]').innerText")
        low, high = (page[f'cx_nps_score_{b}{{view="total",window="24h"}}'] for b in ("low", "high"))
        assert f"{low:.1f} to {high:.1f}".replace("-", "\u2212") in text
        assert await tab.eval("document.querySelectorAll('#detail canvas').length") == 1
        pieces = await tab.eval("document.querySelectorAll('#detail details tbody tr').length")
        assert pieces in (24, 25)


async def test_it_lives(tab: Tab) -> None:
    """An event changes figure, breakdown and pipeline without a reload; losing the exporter is said, and is got over."""
    world = World()
    await world.publish(answers(3, 10, channel="web"))
    async with world.running():
        await tab.open(f"{world.url}/#window=1h")
        await tab.until(f"({FIGURES})['cx_nps_score{{view=\"total\",window=\"1h\"}}'] === '100'")
        await tab.eval("document.querySelector('.pick').focus()")
        await world.publish(answers(3, 0, channel="app"))
        await tab.until(f"({FIGURES})['cx_nps_score{{view=\"total\",window=\"1h\"}}'] === '0'")
        await tab.until(f"({ROWS}).app === '-100'")
        await tab.until("document.querySelector('[data-topic=\"cx.feedback\"]').innerText.includes('6')")
        assert await tab.eval("document.activeElement.className") == "pick", "what is focused stays"
        assert await tab.eval("state.textContent + notice.textContent") == "Complete"
    await tab.until(
        "state.textContent === 'Not connected' && notice.textContent.includes('The values are from')"
    )
    assert await tab.eval("document.querySelector('.tile data').getAttribute('value')") == "0", "stands"
    tab.told.clear()  # the browser reports the broken connection
    again = World(port=world.port)
    await again.publish(answers(2, 10))
    async with again.running():
        await tab.until("state.textContent === 'Complete' && notice.textContent === ''")
        await tab.until(f"({FIGURES})['cx_nps_score{{view=\"total\",window=\"1h\"}}'] === '100'")
        tab.told.clear()


async def test_incomplete_is_said(tab: Tab) -> None:
    """Figures that stand still look so, those that are gone are not shown, and the reason is told."""
    world = World()
    async with world.running():
        await tab.open(f"{world.url}/#window=1h")
        await tab.until("state.textContent === 'Incomplete' && notice.textContent.includes('are shown when')")
        assert "no checkpoint yet" in await tab.eval("reason.textContent")
        assert await tab.eval(f"Object.values({FIGURES}).join('')") == ""
        await world.publish(answers(3, 10))
        await tab.until("state.textContent === 'Complete' && reason.hidden")
        await tab.until(f"Object.values({FIGURES}).includes('100')")
        world.steady += 35_000
        await tab.until("notice.textContent.includes('are frozen and will be removed after 10\u202fmin')")
        assert await tab.eval("document.querySelector('.group').dataset.state") == "stale"
        assert "100" in await tab.eval(f"Object.values({FIGURES})")
        world.steady += 600_000
        await tab.until("notice.textContent.includes('were removed')")
        await tab.until(f"Object.values({FIGURES}).join('') === ''")
        await world.publish()
        await tab.until(f"Object.values({FIGURES}).includes('100')")


async def test_labels_are_text(tab: Tab) -> None:
    """Markup in a dimension value is shown, letter by letter, and does nothing."""
    hostile = {
        "labels": {"alertname": PROBE, "x": PROBE},
        "annotations": {"runbook_url": "javascript:alert(1)"},
    }
    async with alertmanager(json.dumps([hostile])) as url:
        world = World(url)
        await world.publish(answers(3, 10, channel=PROBE))
        async with world.running():
            await tab.open(f"{world.url}/#window=1h")
            await tab.until(f"({ROWS})[{json.dumps(PROBE)}] === '100'")
            await tab.until(f"document.querySelector('.alert .name')?.textContent === {json.dumps(PROBE)}")
            assert await tab.eval("document.querySelectorAll('main img, main script, .alert a').length") == 0
            assert await tab.eval("document.title") == "cxgauge"


@pytest.mark.parametrize("firing", [True, False])
async def test_what_is_firing(tab: Tab, firing: bool) -> None:
    """Alerts by name, with summary and a way to the runbook; nothing, not connected and not reached are told apart."""
    split = [ALERT | {"labels": ALERT["labels"] | {"view": "channel", "channel": f"c{n}"}} for n in range(4)]
    async with alertmanager(json.dumps([*split, ALERT] if firing else [])) as url:
        world = World(url)
        await world.publish()
        async with world.running():
            await tab.open(f"{world.url}/")
            if firing:
                text = await tab.until("document.querySelector('.alert')?.innerText")
                assert "CxChurnSpike" in text
                assert text.count("12 of 300 left") == 3
                assert "2 more" in text
                assert (
                    await tab.eval("document.querySelector('.alert a').href") == "https://example.org/churn"
                )
            else:
                await tab.until("alerts.textContent === 'No alerts are firing.'")


async def test_without_an_alertmanager(tab: Tab) -> None:
    """Not connected is no "nothing"."""
    world = World()
    async with world.running():
        await tab.open(f"{world.url}/")
        await tab.until("alerts.textContent.includes('No Alertmanager is configured')")
        world.alerts.shown = {"connected": False, "error": "request timed out", "alerts": []}
        await tab.until("alerts.textContent.includes('Firing alerts are unknown')")


async def test_by_keyboard(tab: Tab) -> None:
    """Everything that can be done is reached with Tab, in the order of the page, and done with Enter or arrows."""
    world = World()
    await world.publish(shop())
    async with world.running():
        await tab.open(f"{world.url}/#window=7d")
        reached: list[str] = []
        while (not reached or reached[-1] != "/livez") and len(reached) < 150:
            await tab.press("Tab", TAB)
            reached.append(await tab.eval(FOCUSED))
            assert await tab.eval(
                "getComputedStyle(document.activeElement).outlineStyle !== 'none' || !!document.activeElement.closest('.tile') || document.activeElement.type === 'radio'"
            )
        tiles = await tab.eval("[...document.querySelectorAll('.pick')].map((pick) => pick.textContent)")
        assert [name for name in reached if name in tiles] == tiles
        assert reached[0] == "Skip to the metrics"
        assert reached.count("?") == len(tiles)
        assert {"n", "Value", "channel", "Time line as a table", "Definition", "/metrics"} <= set(reached)
        await tab.eval("document.querySelector('[data-id=cx_csat_ratio] .pick').focus()")
        await tab.press("Enter", ENTER, "\r")
        await tab.until(chosen("7d", "channel", "cx_csat_ratio"))
        assert await tab.eval("document.activeElement.getAttribute('aria-pressed')") == "true"
        await tab.press("Tab", TAB)
        await tab.press("Enter", ENTER, "\r")
        assert await tab.until("definition.open && definition.textContent")
        assert "top two points" in await tab.eval("definition.textContent")
        await tab.press("Escape", 27)
        await tab.until("!definition.open && document.activeElement.className === 'about'")
        await tab.eval("document.querySelector('#windows input:checked').focus()")
        await tab.press("ArrowLeft", 37)
        await tab.until(chosen("24h", "channel", "cx_csat_ratio"))


async def test_on_a_phone(tab: Tab) -> None:
    """Nothing is wider than the screen; what a tile shows at length comes into sight."""
    world = World()
    await world.publish([*shop(), *answers(3, 9, channel="x" * 64)])
    async with world.running():
        await tab.open(f"{world.url}/#window=30d", width=320, height=800)
        await tab.until("document.querySelectorAll('.breakdown tbody tr').length === 4")
        for width in (320, 390, 768):
            await tab.resize(width, 800)
            assert await tab.eval("document.documentElement.scrollWidth") <= width
        await tab.resize(390, 800)
        await tab.eval("document.querySelector('[data-id=cx_csat_ratio] .pick').click()")
        await tab.until("detail.getBoundingClientRect().top < innerHeight")


@pytest.mark.parametrize("dark", [False, True])
async def test_accessible(tab: Tab, dark: bool) -> None:
    """Clean by axe-core's rules (contrast among them), in the light and in the dark, with alerts and with a dialog."""
    script = next(path for path in files("axe-core-python") or () if path.name == "axe.min.js")
    async with alertmanager(json.dumps([ALERT, ALERT | {"labels": {"severity": "critical"}}])) as url:
        world = World(url)
        await world.publish(shop())
        async with world.running():
            await tab.open(f"{world.url}/#window=7d", dark=dark)
            await tab.until("document.querySelectorAll('.alert').length === 2")
            ground = await tab.eval("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, ground.strip("rgb()").split(","))) < 300) is dark
            await tab.eval(script.read_text())
            assert await tab.eval(AXE) == []
            world.steady += 40_000
            await tab.until("state.textContent === 'Incomplete' && !reason.hidden")
            assert await tab.eval(AXE) == []
            await tab.eval("document.querySelector('.about').click()")
            assert await tab.eval(AXE) == []


AXE = """axe.run().then(({violations}) => violations.map(
  ({id, nodes}) => `${id}: ${nodes.map((node) => node.html + ' ' + node.failureSummary).join('; ')}`))"""
