"""Firing alerts, read from a fake Alertmanager."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from stream.devbroker.ports import free_port
from stream.exporter.live.alertmanager import MAX_ALERTS, MAX_RESPONSE_BYTES, MAX_TEXT, AlertmanagerClient

ALERT: dict[str, Any] = {
    "labels": {"alertname": "CxLeavingSpike", "severity": "warning", "view": "total", "window": "1h"},
    "annotations": {"summary": "12 of 300 left", "runbook_url": "https://example.org/churn"},
    "startsAt": "2026-11-25T10:00:00Z",
    "endsAt": "2026-11-25T10:05:00Z",
    "fingerprint": "f",
}


@asynccontextmanager
async def alertmanager(body: str, status: int = 200) -> AsyncIterator[str]:
    """Yield the address of a server with this answer."""

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


async def poll_alerts(body: Any, status: int = 200) -> dict[str, Any]:
    """Poll an Alertmanager with this answer and return the shown alerts."""
    async with alertmanager(body if isinstance(body, str) else json.dumps(body), status) as url:
        alerts = AlertmanagerClient(url)
        await alerts.poll()
        return alerts.shown


async def test_alerts_are_sorted_by_severity() -> None:
    """Each alert has its summary, runbook, start and labels."""
    critical_alert = ALERT | {
        "labels": {"alertname": "CxFrt", "severity": "critical"},
        "startsAt": "2026-11-25T11:00:00Z",
    }
    alerts_shown = await poll_alerts([ALERT, critical_alert])
    assert (alerts_shown["connected"], alerts_shown["more"]) == (True, 0)
    assert [alert["name"] for alert in alerts_shown["alerts"]] == ["CxFrt", "CxLeavingSpike"]
    assert alerts_shown["alerts"][1] == {
        "name": "CxLeavingSpike",
        "severity": "warning",
        "summary": "12 of 300 left",
        "runbook": "https://example.org/churn",
        "since": "2026-11-25T10:00:00Z",
        "labels": {"view": "total", "window": "1h"},
    }


async def test_many_and_long_alerts_are_truncated() -> None:
    """The other alerts are counted."""
    alerts_shown = await poll_alerts([ALERT | {"annotations": {"summary": "x" * 5000}}] * (MAX_ALERTS + 3))
    assert (len(alerts_shown["alerts"]), alerts_shown["more"]) == (MAX_ALERTS, 3)
    assert len(alerts_shown["alerts"][0]["summary"]) == MAX_TEXT


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("no", 200),
        ("{}", 200),
        ("[]", 500),
        ("[]", 302),
        ('[{"x":' + "[" * 20_000 + "]" * 20_000 + "}]", 200),
        ('["' + "x" * MAX_RESPONSE_BYTES + '"]', 200),
    ],
)
async def test_an_unusable_answer_is_reported(body: str, status: int) -> None:
    """An unusable answer differs from an answer without alerts."""
    alerts_shown = await poll_alerts(body, status)
    assert alerts_shown["connected"] is False
    assert alerts_shown["error"]


async def test_an_unreachable_alertmanager_is_reported() -> None:
    """The error is shown."""
    alerts = AlertmanagerClient(f"http://127.0.0.1:{free_port()}")
    await alerts.poll()
    assert alerts.shown["connected"] is False
    assert "Connect" in alerts.shown["error"]


async def test_without_an_alertmanager_nothing_is_polled() -> None:
    """`connected` is None."""
    alerts = AlertmanagerClient(None)
    await alerts.poll()
    assert alerts.shown["connected"] is None
