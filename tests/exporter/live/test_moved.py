"""The table of the parts of a change, and tables as files, in headless Chromium."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.exporter.in_memory import answers
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_page import served
from tests.support import MINUTE, NOW, Event

pytestmark = pytest.mark.tools

FORMULA = '=HYPERLINK("http://example.org","x")'
ROWS = """Object.fromEntries([...document.querySelectorAll('.moved tbody tr')].map((row) => [
  row.querySelector('th').textContent, [...row.querySelectorAll('data')].map((data) => data.value)]))"""


def events() -> list[Event]:
    """Return answers of an hour and of the hour before, with and without a channel."""
    given = [("web", 10, 5, 5), ("web", 0, 90, 4), (FORMULA, 0, 5, 6), ("store", 10, 90, 3)]
    return [
        *(
            event
            for channel, score, age, n in given
            for event in answers(n, score, NOW - age * MINUTE, channel=channel)
        ),
        *answers(2, 10, NOW - 6 * MINUTE),
        *answers(1, 0, NOW - 91 * MINUTE),
    ]


PAPER_ACCENT = [11, 92, 173]
# Returns the most frequent opaque colour of the chart that is not grey. It reads a copy, because Chromium warns else.
PAINTED = """(() => {
  const canvas = document.querySelector('#detail canvas');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = [...data.slice(i, i + 3)];
    if (data[i + 3] === 255 && Math.max(...colour) - Math.min(...colour) > 60) counts.set(`${colour}`, (counts.get(`${colour}`) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0].split(',').map(Number);
})()"""


@asynccontextmanager
async def opened(tab: Tab, *, dark: bool = False) -> AsyncIterator[LiveExporter]:
    """Yield an exporter whose page is open at NPS by channel. Leave the page before the exporter ends."""
    live_exporter = LiveExporter()
    await live_exporter.publish(events())
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h&view=channel&tile=cx_nps_score", dark=dark)
        await tab.until("document.querySelectorAll('.moved tbody tr').length === 4")
        yield live_exporter
        await tab.send_command("Page.navigate", url="about:blank")


async def test_parts_equal_the_exposition_and_add_up(tab: Tab) -> None:
    """Values are those of /metrics, and mix and rate of all rows are the change on the tile."""
    async with opened(tab) as live_exporter:
        rows = {
            name: [float(value) for value in values] for name, values in (await tab.evaluate(ROWS)).items()
        }
        series = await served(live_exporter)
        labels = '{view="channel",channel="web",window="1h"}'
        now, before = (series[f"cx_nps_score{suffix}{labels}"] for suffix in ("", "_previous"))
        assert rows["web"][:2] == [now, before]
        assert rows.keys() == {"web", "store", FORMULA, "All other answers"}
        assert all(mix + rate == together for *_, mix, rate, together in rows.values())
        total = '{view="total",window="1h"}'
        change = series[f"cx_nps_score{total}"] - series[f"cx_nps_score_previous{total}"]
        assert sum(values[-1] for values in rows.values()) == pytest.approx(change)
        footer = await tab.evaluate("document.querySelector('.moved tfoot td:last-child data').value")
        assert float(footer) == pytest.approx(change)
        share = await tab.evaluate("document.querySelector('.moved tbody tr td').textContent")
        assert " was " in share
        answer = await tab.evaluate(
            "fetch([...document.querySelectorAll('#detail a')].find((a) => a.textContent.includes('JSON')).href).then((r) => r.json())"
        )
        figures = {
            (figure["series"], figure["labels"].get("channel")): figure["value"]
            for figure in answer["figures"]
        }
        assert figures["cx_nps_score", "web"] == now
        assert figures["cx_nps_score_previous", "web"] == before
        assert {figure["window"] for figure in answer["figures"]} == {"1h"}
        await tab.evaluate("view.value = 'total'; view.dispatchEvent(new Event('change'))")
        await tab.until("!document.querySelector('.moved') && !document.querySelector('[aria-busy]')")


@pytest.fixture
async def download(tab: Tab, tmp_path: Path) -> Callable[[str], Awaitable[list[list[str]]]]:
    """Return a function that presses a button and returns the rows of the file that it saves."""
    await tab.send_command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))

    def saved() -> str | None:
        for path in tmp_path.glob("*.csv"):
            text = path.read_bytes().decode("utf-8-sig")
            path.unlink()
            return text
        return None

    async def press(name: str) -> list[list[str]]:
        label = json.dumps(f"Save {name} as CSV")
        await tab.evaluate(f"document.querySelector(`[aria-label=${{JSON.stringify({label})}}]`).click()")
        async with asyncio.timeout(20):
            while (text := saved()) is None:
                await tab.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
        return [*csv.reader(io.StringIO(text, newline=""), strict=True)]

    return press


async def test_tables_are_saved_with_exact_values(
    tab: Tab, download: Callable[[str], Awaitable[list[list[str]]]]
) -> None:
    """Texts that spreadsheets would take for formulas are not. Numbers are as in /metrics."""
    async with opened(tab) as live_exporter:
        series = await served(live_exporter)
        head, *rows = await download("the breakdown")
        assert head == ["channel", "value", "low", "high", "n"]
        by_channel = {row[0]: [float(value) for value in row[1:]] for row in rows}
        assert by_channel.keys() == {"web", f"'{FORMULA}"}
        labels = '{view="channel",channel="web",window="1h"}'
        assert by_channel["web"] == [
            *(series[f"cx_nps_score{bound}{labels}"] for bound in ("", "_low", "_high")),
            5,
        ]
        head, *rows = await download("what moved it")
        assert head == ["channel", "part", "n", "n_before", "value", "before", "mix", "rate"]
        assert [row[:2] for row in rows if row[1] != "label"] == [["", "rest"]]
        total = '{view="total",window="1h"}'
        change = series[f"cx_nps_score{total}"] - series[f"cx_nps_score_previous{total}"]
        assert sum(float(row[6]) + float(row[7]) for row in rows) == pytest.approx(change)
        assert {row[0]: row[5] for row in rows}[f"'{FORMULA}"] == ""
        head, *rows = await download("the time line")
        assert head == ["from", "value", "low", "high", "n"]
        assert sum(int(row[4]) for row in rows if row[4]) == 13
        assert all(row[0].endswith("Z") for row in rows)
        head, *rows = await download("the pipeline")
        assert [row[0] for row in rows] == ["cx.feedback", "cx.tickets", "cx.customers"]


@pytest.mark.parametrize("dark", [False, True])
async def test_the_page_is_printed_without_controls(tab: Tab, dark: bool) -> None:
    """Light, its chart too, and as wide as the paper, with the selection and the address of what is seen."""
    async with opened(tab, dark=dark) as live_exporter:
        accent = await tab.evaluate(PAINTED)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await tab.send_command("Emulation.setEmulatedMedia", media="print", features=[scheme])
        await tab.resize(700, 900)
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 700
        assert await tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert (accent == PAPER_ACCENT) is not dark
        await tab.until(f"JSON.stringify({PAINTED}) === '{json.dumps(PAPER_ACCENT, separators=(',', ':'))}'")
        shown = await tab.evaluate(
            "[...document.querySelectorAll('button, input, select, summary, a')]"
            ".filter((e) => e.checkVisibility() && !e.matches('.pick, .sort')).map((e) => e.id || e.value || e.textContent)"
        )
        assert shown == ["1h", "view", "Definition"]
        address = f"{live_exporter.url}/#window=1h&view=channel&tile=cx_nps_score"
        assert await tab.evaluate("getComputedStyle(document.body, '::after').content") == f'"{address}"'
        await tab.send_command("Emulation.setEmulatedMedia", media="", features=[scheme])
        await tab.until(f"JSON.stringify({PAINTED}) === '{json.dumps(accent, separators=(',', ':'))}'")
