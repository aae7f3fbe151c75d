"""What is firing, from an Alertmanager that says this and that."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from stream.devbroker.ports import free_port
from stream.exporter.live.alertmanager import MAX_ALERTS, MAX_RESPONSE_BYTES, MAX_TEXT, AlertmanagerClient

ALERT: dict[str, Any] = {
    "labels": {"alertname": "CxChurnSpike", "severity": "warning", "view": "total", "window": "1h"},
    "annotations": {"summary": "12 of 300 left", "runbook_url": "https://example.org/churn"},
    "startsAt": "2026-11-25T10:00:00Z",
    "endsAt": "2026-11-25T10:05:00Z",
    "fingerprint": "f",
}


@asynccontextmanager
async def alertmanager(body: str, status: int = 200) -> AsyncIterator[str]:
    """A server that answers so; its address."""

    async def alerts(request: web.Request) -> web.Response:
        assert request.query_string == "active=true&silenced=false&inhibited=false"
        return web.Response(text=body, status=status, content_type="application/json")

    app, port = web.Application(), free_port()
    app.router.add_get("/am/api/v2/alerts", alerts)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/am/"
    await runner.cleanup()


async def asked(body: Any, status: int = 200) -> dict[str, Any]:
    """What is shown after that answer."""
    async with alertmanager(body if isinstance(body, str) else json.dumps(body), status) as url:
        alerts = AlertmanagerClient(url)
        await alerts.poll()
        return alerts.shown


async def test_alerts_are_shown_the_worst_first() -> None:
    """With what a person needs of them."""
    worse = ALERT | {
        "labels": {"alertname": "CxFrt", "severity": "critical"},
        "startsAt": "2026-11-25T11:00:00Z",
    }
    shown = await asked([ALERT, worse])
    assert (shown["connected"], shown["more"]) == (True, 0)
    assert [alert["name"] for alert in shown["alerts"]] == ["CxFrt", "CxChurnSpike"]
    assert shown["alerts"][1] == {
        "name": "CxChurnSpike",
        "severity": "warning",
        "summary": "12 of 300 left",
        "runbook": "https://example.org/churn",
        "since": "2026-11-25T10:00:00Z",
        "labels": {"view": "total", "window": "1h"},
    }


async def test_many_and_long_ones_are_cut() -> None:
    """And the rest is counted."""
    shown = await asked([ALERT | {"annotations": {"summary": "x" * 5000}}] * (MAX_ALERTS + 3))
    assert (len(shown["alerts"]), shown["more"]) == (MAX_ALERTS, 3)
    assert len(shown["alerts"][0]["summary"]) == MAX_TEXT


@pytest.mark.parametrize(
    ("body", "status"), [("no", 200), ("{}", 200), ("[]", 500), ('["' + "x" * MAX_RESPONSE_BYTES + '"]', 200)]
)
async def test_what_cannot_be_used_is_said(body: str, status: int) -> None:
    """Not known is another thing than nothing."""
    shown = await asked(body, status)
    assert shown["connected"] is False
    assert shown["error"]


async def test_nobody_there() -> None:
    """It says so, and gets over it."""
    alerts = AlertmanagerClient(f"http://127.0.0.1:{free_port()}")
    await alerts.poll()
    assert alerts.shown["connected"] is False
    assert "Connect" in alerts.shown["error"]


async def test_none_configured() -> None:
    """Then it is not asked, and that is said."""
    alerts = AlertmanagerClient(None)
    await alerts.poll()
    assert alerts.shown["connected"] is None
