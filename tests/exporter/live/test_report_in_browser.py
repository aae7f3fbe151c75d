"""A report in headless Chromium: accessible, light and dark, and no wider than a phone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stream.cli.report.facts import FiringAlerts, facts
from stream.cli.report.html import html
from stream.cli.report.pages import page
from tests.cli.report.test_report import readings
from tests.exporter.live.accessibility import violations
from tests.exporter.live.browser import chromium
from tests.exporter.live.live_exporter import LiveExporter, shop_events


@pytest.mark.tools
async def test_a_report_is_accessible(require: Callable[[str], Path], axe: str, tmp_path: Path) -> None:
    """axe-core finds no violation, in light and dark. Nothing but tables scrolls sideways. Nothing is loaded."""
    live = LiveExporter(CXGAUGE_TARGETS='{"cx_nps_score": 40}')
    await live.publish(shop_events())
    async with live.running():
        await live.refresh()
        known = facts(await readings(live, "7d"), FiringAlerts(), None)
    path = tmp_path / "report.html"
    path.write_text(html(page(known)))
    async with chromium(require("chromium")) as tab:
        await tab.send_command("Network.enable")
        await tab.resize(320, 800)
        await tab.send_command("Page.navigate", url=path.as_uri())
        await tab.until("document.querySelectorAll('table').length >= 4")
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 320
        for scheme in ("light", "dark"):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            await tab.send_command("Emulation.setEmulatedMedia", features=[feature])
            assert await violations(tab, axe) == []
        assert tab.requested_urls == [path.as_uri()]
        assert tab.messages == []
