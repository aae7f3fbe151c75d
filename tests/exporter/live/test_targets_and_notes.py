"""Targets, benchmarks and notes on the live page, in its payloads and in headless Chromium."""

import json
from typing import Any

import pytest

from stream.exporter.live.payloads import Payloads
from tests.core.aggregation.feedback.test_notes import deleted, note
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_payloads import detail, tiles_by_name
from tests.support import DAY, MINUTE, NOW

BENCHMARK = {"value": 20, "source": "Survey of the industry", "year": 2025}
SETTINGS = {
    "CXGAUGE_TARGETS": json.dumps({"cx_nps_score": 40, "cx_waiting_over_target_tickets": 3}),
    "CXGAUGE_BENCHMARKS": json.dumps({"cx_nps_score": BENCHMARK}),
}
MARKUP = '<img src=x onerror=document.title="owned">'
# Returns the number of pixels of the chart that have the colour of a variable. It reads a copy, because Chromium warns else.
PIXELS = """((name) => {
  const canvas = document.querySelector('#detail canvas');
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) n += wanted.every((part, j) => Math.abs(data[i + j] - part) < 8) && data[i + 3] > 200;
  return n;
})"""


def target_text(figure: str) -> str:
    """Return an expression for the text and the verdict of a tile's target."""
    return f"(({{ textContent, dataset }}) => [textContent, dataset.verdict])(document.querySelector('[data-id=\"{figure}\"] .target'))"


def test_payloads_have_target_benchmark_and_the_notes_of_the_window() -> None:
    """Newest last. Of the day before yesterday there is a note in the week only."""
    state = exporter(**SETTINGS)
    events = [note("old", "Old", NOW - 2 * DAY), note("n", "New", NOW - MINUTE, channel="app")]
    apply_records(state, Worker(state)([*answers(60), *answers(40, 0), *events]))
    refresh(state)
    page = Payloads(state)
    assert tiles_by_name(page, 1)["cx_nps_score"]["target"] == {"value": 40, "verdict": "missed"}
    assert tiles_by_name(page, 1)["cx_nps_score"]["benchmark"] == BENCHMARK
    assert tiles_by_name(page, 1)["cx_csat_ratio"]["target"] is None
    assert tiles_by_name(page, 1)["cx_csat_ratio"]["benchmark"] is None
    new = {"at": NOW - MINUTE, "text": "New", "dimensions": {"channel": "app"}}
    day = detail(page, 2, "total", "cx_nps_score")
    assert (day["notes"], day["more_notes"]) == ([new], 0)
    week = detail(page, 3, "total", "cx_waiting_tickets")
    assert week["notes"] == [{"at": NOW - 2 * DAY, "text": "Old", "dimensions": {}}, new]


def test_the_20_newest_notes_of_the_window_are_in_the_payload() -> None:
    """The others are counted, also those that are not exposed. Older ones than the window are neither."""
    state = exporter()
    sent = [note(f"n{i}", f"{i}", NOW - i * MINUTE // 4) for i in range(150)]
    apply_records(state, Worker(state)([*sent, note("old", "old", NOW - 2 * DAY)]))
    series = refresh(state)
    shown = detail(Payloads(state), 1, "total", "cx_nps_score")
    assert [entry["text"] for entry in shown["notes"]] == [f"{i}" for i in reversed(range(20))]
    assert shown["more_notes"] == 130
    assert sum(name.startswith("cx_note_timestamp_seconds") for name in series) == 100


@pytest.mark.tools
async def test_targets_are_a_word_and_a_colour_on_tiles(tab: Tab) -> None:
    """The word changes with the figure. Tiles without a target say nothing about one."""
    live_exporter = LiveExporter(**SETTINGS)
    await live_exporter.publish([*answers(60), *answers(40, 0)])
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        await tab.until("state.textContent === 'Complete'")
        await tab.until(f"{target_text('cx_nps_score')}[0] === 'target 40.0: missed'")
        await tab.until(f"{target_text('cx_waiting_over_target_tickets')}[0] === 'target 3: met'")
        colours = [
            await tab.evaluate(
                f"getComputedStyle(document.querySelector('[data-id=\"{figure}\"] .target')).color"
            )
            for figure in ("cx_nps_score", "cx_waiting_over_target_tickets")
        ]
        assert len(set(colours)) == 2
        assert (
            await tab.evaluate(
                "getComputedStyle(document.querySelector('[data-id=\"cx_csat_ratio\"] .target')).display"
            )
            == "none"
        )
        await live_exporter.publish(answers(90, 9))
        await tab.until(
            f"{target_text('cx_nps_score')}.join() === 'target 40.0: met,met'"
            f" || {target_text('cx_nps_score')}.join() === 'target 40.0: met, within bounds,met, within bounds'"
        )


@pytest.mark.tools
@pytest.mark.parametrize("dark", [False, True])
async def test_target_benchmark_and_notes_are_drawn_and_listed(tab: Tab, dark: bool) -> None:
    """The chart has their lines. A reader of the text gets the same. An edit replaces a note, a deletion removes it."""
    live_exporter = LiveExporter(**SETTINGS)
    await live_exporter.publish([*answers(60, at=NOW - 30 * MINUTE), *answers(40, 0)])
    items = "[...document.querySelectorAll('#detail .notes li')].map((e) => e.textContent)"
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h", dark=dark)
        await tab.until(
            "document.querySelector('.references').textContent ==="
            " 'Target 40.0: missed. Benchmark 20.0 (Survey of the industry, 2025).'"
        )
        await tab.until("!!document.querySelector('#detail canvas')")
        assert await tab.evaluate(f"{PIXELS}('--ink')") > 50
        assert await tab.evaluate(f"{PIXELS}('--note')") == 0
        assert await tab.evaluate(f"({items}).length") == 0
        await live_exporter.publish(
            [note("a", MARKUP, NOW - 20 * MINUTE, channel="app"), note("b", "Release", NOW - 10 * MINUTE)]
        )
        listed: Any = await tab.until(f"({items}).length === 2 && {items}")
        assert listed[0].endswith(f"{MARKUP} (channel app)")
        assert listed[1].endswith("Release")
        assert await tab.until(f"{PIXELS}('--note')") > 20
        assert await tab.evaluate("document.title") != "owned"
        await live_exporter.publish([note("b", "Release 2", NOW - 5 * MINUTE), deleted("a")])
        await tab.until(f"({items}).length === 1 && {items}[0].endsWith('Release 2')")
        await live_exporter.publish([deleted("b")])
        await tab.until(f"({items}).length === 0 && {PIXELS}('--note') === 0")


@pytest.mark.tools
async def test_a_line_of_another_family_has_no_target(tab: Tab) -> None:
    """The time line of churn counts customers. Its target is a share."""
    live_exporter = LiveExporter(CXGAUGE_TARGETS=json.dumps({"cx_churn_ratio/cohort": 0.02}))
    await live_exporter.publish(answers(3))
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h&tile=cx_churn_ratio%2Fcohort")
        await tab.until("document.querySelector('.references').textContent.startsWith('Target 2.0')")
        await tab.until("!!document.querySelector('#detail canvas')")
        assert await tab.evaluate(f"{PIXELS}('--ink')") == 0
