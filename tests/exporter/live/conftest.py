"""Fixtures of the live page."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.exporter.live.accessibility import axe_source
from tests.exporter.live.browser import Tab, chromium
from tests.exporter.live.test_lists import LEAD


@pytest.fixture
async def tab(require: Callable[[str], Path]) -> AsyncIterator[Tab]:
    """Yield a tab. Errors, violations of the policy and requests to other hosts fail the test."""
    async with chromium(require("chromium")) as new_tab:
        yield new_tab
        assert new_tab.messages == []
        hosts = {url.split("/")[2] for url in new_tab.requested_urls if url.startswith("http")}
        assert len(hosts) == 1, hosts


@pytest.fixture
async def user_tab(tab: Tab) -> Tab:
    """Return a tab of the user."""
    await tab.send_command("Network.setExtraHTTPHeaders", headers=LEAD)
    return tab


@pytest.fixture(scope="session")
def axe(require: Callable[[str], Path]) -> str:
    """Return the source of axe-core."""
    return axe_source(require("npm"))
