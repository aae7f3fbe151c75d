"""The live page in headless Chromium, with an exporter in memory."""

import json
import time
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession

from stream.core.metrics.headlines import LEAD_TITLES
from stream.exporter.live import broadcaster
from tests.exporter.api.test_figures import names
from tests.exporter.in_memory import answers
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter, shop_events
from tests.exporter.live.relay import Relay
from tests.exporter.live.test_alertmanager import ALERT, alertmanager
from tests.support import MINUTE, NOW

pytestmark = pytest.mark.tools

PROBE = '<img src=x onerror=document.title="owned">"\'{{7*7}}</td><script>document.title="owned"</script>'[
    :64
]
FIGURES = """Object.fromEntries([...document.querySelectorAll('.tile')].map(
  (tile) => [tile.dataset.series, tile.querySelector('data').getAttribute('value')]))"""
ROWS = """Object.fromEntries([...document.querySelectorAll('.breakdown tbody tr')].map(
  (row) => [JSON.parse(row.dataset.labels)[0], row.querySelector('data').getAttribute('value')]))"""
TAB, ENTER = 9, 13


async def served(live_exporter: LiveExporter) -> dict[str, float]:
    """Return the values of /metrics by series."""
    async with ClientSession() as session, session.get(f"{live_exporter.url}/metrics") as answer:
        lines = [line for line in (await answer.text()).split("\n") if line and line[0] != "#"]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def from_api(live_exporter: LiveExporter, window: str) -> dict[str, float]:
    """Return the values of the API in a window by series."""
    url = f"{live_exporter.url}/api/v1/figures?view=total&window={window}"
    async with ClientSession() as session, session.get(url) as answer:
        return dict(names((await answer.json())["figures"]))


def selection_shown(window: str, view: str = "channel", tile: str = "cx_nps_score") -> str:
    """Return a JavaScript expression that is true when the page shows this selection."""
    return (
        f"location.hash === '#' + new URLSearchParams({json.dumps({'window': window, 'view': view, 'tile': tile})})"
        " && !document.querySelector('[aria-busy]')"
    )


async def test_before_the_first_refresh_no_empty_sections_are_shown(tab: Tab) -> None:
    """The page has nothing but the catalog then."""
    live_exporter = LiveExporter()
    hidden = "[...document.querySelectorAll('#detail, #pipeline')].map((section) => section.hidden)"
    async with live_exporter.running():
        async with live_exporter._lock:
            await tab.open(f"{live_exporter.url}/", loaded="!!document.querySelector('#windows input')")
            assert await tab.evaluate(hidden) == [True, True]
        await live_exporter.publish(shop_events())
        await tab.until(f"{selection_shown('24h')} && !{hidden}.some(Boolean)")


async def test_figures_equal_the_exposition_and_the_api(tab: Tab) -> None:
    """Tiles and breakdown equal /metrics and /api/v1/figures to the last digit, in every selected window and view.

    So do sample size, bounds and change, as rounded on tiles.
    """
    live_exporter = LiveExporter()
    await live_exporter.publish(shop_events())
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/")
        series = await served(live_exporter)
        assert await tab.until(selection_shown("24h"))
        for window in ("7d", "30d", "24h"):
            await tab.evaluate(f"document.querySelector('#windows input[value=\"{window}\"]').click()")
            await tab.until(selection_shown(window))
            figures = await tab.evaluate(FIGURES)
            assert f'cx_nps_score{{view="total",window="{window}"}}' in figures
            assert len(figures) >= 20
            shown = {k: float(v) for k, v in figures.items() if v}
            assert shown == {k: series[k] for k in figures if k in series}
            api = await from_api(live_exporter, window)
            assert shown == {k: api[k] for k in figures if k in api}
        titles = await tab.evaluate(
            "[...document.querySelectorAll('[aria-labelledby=group-lead] h3')].map((e) => e.textContent)"
        )
        assert [title.partition(" · ")[0] for title in titles] == list(LEAD_TITLES)
        await tab.evaluate("view.value = 'touchpoint'; view.dispatchEvent(new Event('change'))")
        await tab.until(selection_shown("24h", "touchpoint"))
        rows = await tab.evaluate(ROWS)
        assert len(rows) == 3
        for touchpoint, value in rows.items():
            labels = f'view="touchpoint",touchpoint="{touchpoint}",window="24h"'
            assert float(value) == series[f"cx_nps_score{{{labels}}}"]
        text = await tab.evaluate("document.querySelector('[data-id=cx_nps_score]').innerText")
        total = '{view="total",window="24h"}'
        score, low, high, before = (
            series[f"cx_nps_score{b}{total}"] for b in ("", "_low", "_high", "_previous")
        )
        assert f"{low:.1f} to {high:.1f}".replace("-", "\u2212") in text
        assert f"{score - before:+.1f} vs before".replace("-", "\u2212") in text
        n = sum(v for k, v in series.items() if k.startswith(f"cx_nps_responses{total[:-1]},category="))
        assert f"n {n:.0f}" in text
        created, earlier = (
            series[f'cx_created_tickets{before}{total[:-1]},opened_by="customer"}}']
            for before in ("", "_previous")
        )
        text = await tab.evaluate(
            "document.querySelector('[data-id=\"cx_created_tickets/customer\"]').innerText"
        )
        assert f"{created - earlier:+.0f} vs before".replace("-", "\u2212") in text
        assert await tab.evaluate("document.querySelectorAll('#detail canvas').length") == 1
        points = await tab.evaluate("document.querySelectorAll('#detail details tbody tr').length")
        assert points in (24, 25)


async def test_the_change_from_the_window_before_is_shown(tab: Tab) -> None:
    """On the tile as a difference and a word, in the detail as a sentence. Not where the window before had no answers."""
    live_exporter = LiveExporter()
    given = [(50, 10, 90), (10, 0, 91), (30, 10, 5), (30, 0, 6)]  # number, score, age in minutes
    await live_exporter.publish(
        [event for n, score, age in given for event in answers(n, score, NOW - age * MINUTE)]
    )
    change = "document.querySelector('[data-id=cx_nps_score] .change').textContent"
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h&tile=cx_nps_score")
        await tab.until(f"{change} === '\u221266.7 vs before: worse'")
        sentence = await tab.evaluate("document.querySelector('#detail .change').textContent")
        assert sentence.startswith("\u221266.7 (95\u202f% \u2212")
        assert ") from 66.7, n 60, in the 1h before: worse, p below 0.001." in sentence
        await tab.evaluate("document.querySelector('#windows input[value=\"24h\"]').click()")
        await tab.until(f"{change} === '' && document.querySelector('#detail .change').textContent === ''")


async def test_the_page_updates_and_reconnects(tab: Tab) -> None:
    """An event changes figure, breakdown and pipeline without a reload.

    A lost connection is shown and restored.
    """
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10, channel="web"))
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        await tab.until(f"({FIGURES})['cx_nps_score{{view=\"total\",window=\"1h\"}}'] === '100'")
        await tab.evaluate("document.querySelector('.pick').focus()")
        await live_exporter.publish(answers(3, 0, channel="app"))
        await tab.until(f"({FIGURES})['cx_nps_score{{view=\"total\",window=\"1h\"}}'] === '0'")
        await tab.until(f"({ROWS}).app === '-100'")
        await tab.until("document.querySelector('[data-topic=\"cx.feedback\"]').innerText.includes('6')")
        assert await tab.evaluate("document.activeElement.className") == "pick", "what is focused stays"
        assert await tab.evaluate("state.textContent + notice.textContent") == "Complete"
    await tab.until(
        "state.textContent === 'Not connected' && notice.textContent.includes('The values are from')"
    )
    assert await tab.evaluate("document.querySelector('.tile data').getAttribute('value')") == "0", "stands"
    tab.messages.clear()  # the browser reports the broken connection
    restarted = LiveExporter(port=live_exporter.port)
    await restarted.publish(answers(2, 10))
    async with restarted.running():
        await tab.until("state.textContent === 'Complete' && notice.textContent === ''")
        await tab.until(f"({FIGURES})['cx_nps_score{{view=\"total\",window=\"1h\"}}'] === '100'")
        tab.messages.clear()


async def test_an_unknown_tile_in_the_address_gives_the_first_one(tab: Tab) -> None:
    """An old bookmark, for example. Known ones stay, with any value of an open label."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running():
        for tile, shown in (
            ("cx_nope", "cx_nps_score"),
            ("cx_nps_score/extra", "cx_nps_score"),
            ("cx_first_response_seconds/0.5", "cx_nps_score"),
            ("cx_class_churn_ratio/nps/passive", "cx_class_churn_ratio/nps/passive"),
        ):
            await tab.open(f"{live_exporter.url}/?{tile}#{urlencode({'window': '1h', 'tile': tile})}")
            await tab.until("state.textContent === 'Complete'")
            selection = urlencode({"window": "1h", "view": "channel", "tile": shown})
            await tab.until(f"location.hash === '#{selection}'")


async def test_incomplete_figures_are_marked(tab: Tab) -> None:
    """Held figures are marked, expired ones are not shown, and the reason is shown."""
    live_exporter = LiveExporter()
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        await tab.until("state.textContent === 'Incomplete' && notice.textContent.includes('are shown when')")
        assert "no checkpoint yet" in await tab.evaluate("reason.textContent")
        assert await tab.evaluate(f"Object.values({FIGURES}).join('')") == ""
        await live_exporter.publish(answers(3, 10))
        await tab.until("state.textContent === 'Complete' && reason.hidden")
        await tab.until(f"Object.values({FIGURES}).includes('100')")
        live_exporter.monotonic_ms += 35_000
        await tab.until("notice.textContent.includes('are frozen and will be removed after 10\u202fmin')")
        assert await tab.evaluate("document.querySelector('.group').dataset.state") == "stale"
        assert "100" in await tab.evaluate(f"Object.values({FIGURES})")
        live_exporter.monotonic_ms += 600_000
        await tab.until("notice.textContent.includes('were removed')")
        await tab.until(f"Object.values({FIGURES}).join('') === ''")
        await live_exporter.publish()
        await tab.until(f"Object.values({FIGURES}).includes('100')")


async def test_silence_of_workers_is_shown_beside_the_state(tab: Tab) -> None:
    """From 12 s without a checkpoint of one partition. The figures are complete until 30 s."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        await tab.until("state.textContent === 'Complete'")
        before = await tab.evaluate("clock.textContent")
        live_exporter.monotonic_ms += 11_900
        live_exporter.now += 11_900
        await tab.until(f"clock.textContent !== {before!r}")
        assert await tab.evaluate("silence.textContent") == ""
        live_exporter.monotonic_ms += 1_200
        await tab.until("silence.textContent === 'No news from a worker for 13 s'")
        assert await tab.evaluate("state.textContent + notice.textContent") == "Complete"
        live_exporter.monotonic_ms += 20_000
        await tab.until("silence.textContent === 'No news from a worker for 33 s'")
        assert await tab.evaluate("state.textContent") == "Incomplete"
        await live_exporter.publish()
        await tab.until("silence.textContent === '' && state.textContent === 'Complete'")


async def test_a_system_without_events_says_what_to_do(tab: Tab) -> None:
    """Not that it is complete. Records that were all refused are another state."""
    live_exporter = LiveExporter()
    await live_exporter.publish()
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        await tab.until("state.textContent === 'No events yet'")
        notice = await tab.evaluate("notice.textContent")
        assert "cxgauge publish FILE" in notice
        assert "schemas/README.md" in notice
        assert await tab.evaluate("document.querySelector('.group .state').textContent") == "no events yet"
        await live_exporter.publish(outcomes={"invalid": 2})
        await tab.until("notice.textContent.includes('6 became dead letters: cxgauge deadletter ls')")
        await live_exporter.publish(answers(3, 10))
        await tab.until("state.textContent === 'Complete' && notice.textContent === ''")
        groups = await tab.evaluate(
            "[...document.querySelectorAll('.group .state')].map((e) => e.textContent)"
        )
        none = "no events yet"
        assert groups == [f"Tickets: {none}; Customers: {none}", "", none, none]


async def test_frozen_values_have_their_time(tab: Tab) -> None:
    """Values without workers are those of their last refresh, whatever the time."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        await tab.until("state.textContent === 'Complete' && clock.textContent")
        values_of = await tab.evaluate("clock.textContent")
        assert await tab.evaluate("Date.parse(clock.dateTime)") == live_exporter.now
        live_exporter.now += 100_000
        live_exporter.monotonic_ms += 100_000
        await tab.until("state.textContent === 'Incomplete'")
        assert await tab.evaluate("clock.textContent") == f"values of {values_of}"
        assert (
            await tab.evaluate("document.querySelector('.group .state').textContent")
            == f"incomplete, values of {values_of}"
        )
        live_exporter.monotonic_ms += 600_000
        await tab.until("clock.textContent === ''")


async def test_a_connection_that_stopped_is_shown_within_10_s(tab: Tab) -> None:
    """No end of the connection is received, as of a machine that sleeps or was unplugged. The values keep their time."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running(), Relay(live_exporter.port) as relay:
        await tab.open(f"http://127.0.0.1:{relay.port}/#window=1h")
        await tab.until("state.textContent === 'Complete'")
        values_of = await tab.evaluate("clock.textContent")
        relay.flows.clear()
        stopped_at = time.monotonic()
        live_exporter.now += 60_000
        await tab.until("state.textContent === 'Not connected'", seconds=10)
        assert time.monotonic() - stopped_at < 10
        assert await tab.evaluate("clock.textContent") == f"values of {values_of}"
        assert f"The values are from {values_of}." in await tab.evaluate("notice.textContent")
        assert "ago" not in await tab.evaluate("document.querySelector('#health-table').innerText")
        relay.flows.set()
        await tab.until("state.textContent === 'Complete' && !clock.textContent.includes('values')")
        await tab.send_command("Page.navigate", url="about:blank")


async def test_a_machine_that_slept_does_not_show_old_values_as_present(tab: Tab) -> None:
    """Its monotonic clock may have stood still meanwhile."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running(), Relay(live_exporter.port) as relay:
        await tab.open(f"http://127.0.0.1:{relay.port}/#window=1h")
        await tab.until("state.textContent === 'Complete'")
        relay.flows.clear()
        await tab.evaluate("{ const now = Date.now; Date.now = () => now() + 50_000; }")
        await tab.until("state.textContent === 'Not connected'", seconds=4)
        await tab.send_command("Page.navigate", url="about:blank")


async def test_a_refused_page_says_why(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """EventSource does not tell. The page connects when there is a place."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h")
        with monkeypatch.context() as patch:
            patch.setattr(broadcaster, "MAX_CLIENTS", 0)
            await tab.evaluate("document.querySelector('#windows input[value=\"7d\"]').click()")
            await tab.until(
                "notice.textContent.startsWith('1 of 0 live pages are connected, 1 of them from your')"
            )
            assert await tab.evaluate("state.textContent") == "Not connected"
        await tab.until("state.textContent === 'Complete' && notice.textContent === ''")
        tab.messages.clear()  # the browser reports the refused requests


async def test_labels_are_shown_as_text(tab: Tab) -> None:
    """Markup in a dimension value is shown as text."""
    hostile_alert = {
        "labels": {"alertname": PROBE, "x": PROBE},
        "annotations": {"runbook_url": "javascript:alert(1)"},
    }
    async with alertmanager(json.dumps([hostile_alert])) as url:
        live_exporter = LiveExporter(url)
        await live_exporter.publish(answers(3, 10, channel=PROBE))
        async with live_exporter.running():
            await tab.open(f"{live_exporter.url}/#window=1h")
            await tab.until(f"({ROWS})[{json.dumps(PROBE)}] === '100'")
            await tab.until(f"document.querySelector('.alert .name')?.textContent === {json.dumps(PROBE)}")
            assert (
                await tab.evaluate("document.querySelectorAll('main img, main script, .alert a').length") == 0
            )
            assert await tab.evaluate("document.title") == "cxgauge"


@pytest.mark.parametrize("firing", [True, False])
async def test_firing_alerts_are_shown(tab: Tab, firing: bool) -> None:
    """Alerts have name, summary and a link to the runbook.

    No alerts, not connected and not reachable differ.
    """
    alerts = [ALERT | {"labels": ALERT["labels"] | {"view": "channel", "channel": f"c{n}"}} for n in range(4)]
    async with alertmanager(json.dumps([*alerts, ALERT] if firing else [])) as url:
        live_exporter = LiveExporter(url)
        await live_exporter.publish()
        async with live_exporter.running():
            await tab.open(f"{live_exporter.url}/")
            if firing:
                text = await tab.until("document.querySelector('.alert')?.innerText")
                assert "CxLeavingSpike" in text
                assert text.count("12 of 300 left") == 2
                assert "3 more" in text
                assert (
                    await tab.evaluate("document.querySelector('.alert a').href")
                    == "https://example.org/churn"
                )
            else:
                await tab.until("document.getElementById('firing').hidden && !alerts.textContent")


async def test_a_missing_alertmanager_is_reported(tab: Tab) -> None:
    """A missing connection differs from a list without alerts."""
    live_exporter = LiveExporter()
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/")
        await tab.until("alerts.textContent.includes('No Alertmanager is configured')")
        live_exporter.alerts.shown = {"connected": False, "error": "request timed out", "alerts": []}
        await tab.until("alerts.textContent.includes('Firing alerts are unknown')")
