"""Server-sent events, as a client receives them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from stream.exporter.live import broadcaster as broadcaster_module
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter

SELECTION = {"window": "1h", "view": "channel", "tile": "cx_nps_score"}


@pytest.fixture
async def live_exporter() -> AsyncIterator[LiveExporter]:
    """Yield an exporter with some answers."""
    new_exporter = LiveExporter()
    await new_exporter.publish(answers(3, 10, channel="web"))
    async with new_exporter.running():
        yield new_exporter


@pytest.fixture
async def session(live_exporter: LiveExporter) -> AsyncIterator[ClientSession]:
    async with ClientSession(live_exporter.url) as client:
        yield client


class EventStream:
    """The events of one connection."""

    def __init__(self, response: Any) -> None:
        self.answer = response

    async def next(self) -> tuple[str, Any]:
        """Return the name and the payload of the next event."""
        async with asyncio.timeout(30):
            lines = (await self.answer.content.readuntil(b"\n\n")).decode().splitlines()
        assert lines[0].startswith("event: ")
        assert lines[1].startswith("data: ")
        return lines[0][7:], json.loads(lines[1][6:])

    async def until(self, name: str, condition: Any = lambda _: True) -> Any:
        """Return the first payload with that name that fulfils the condition."""
        while True:
            event_name, payload = await self.next()
            if event_name == name and condition(payload):
                return payload


async def test_a_new_client_gets_all_payloads(session: ClientSession) -> None:
    """A new page gets the three payloads of its selection."""
    async with session.get("/live", params=SELECTION) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        payloads = dict([await EventStream(response).next() for _ in range(3)])
    assert set(payloads) == {"status", "tiles", "detail"}
    assert payloads["tiles"]["window"] == "1h"
    assert (payloads["detail"]["id"], payloads["detail"]["view"]) == ("cx_nps_score", "channel")
    assert (payloads["status"]["covered"], payloads["status"]["expected"]) == (3, 3)


async def test_only_changed_payloads_are_sent(live_exporter: LiveExporter, session: ClientSession) -> None:
    """An event changes tiles and status. Without events the status is sent periodically."""
    async with session.get("/live", params=SELECTION) as response:
        stream = EventStream(response)
        for _ in range(3):
            await stream.next()
        await live_exporter.refresh()
        live_exporter.monotonic_ms += broadcaster_module.STATUS_INTERVAL
        name, payload = await stream.next()
        assert (name, payload["domains"]["feedback"]["outcomes"]) == ("status", {"accepted": 3})
        await live_exporter.publish(answers(1, 0, channel="web"))
        tiles = await stream.until("tiles")
        assert next(tile for tile in tiles["tiles"] if tile["id"] == "cx_nps_score")["value"] == 50


async def test_clients_with_one_selection_share_payloads(
    live_exporter: LiveExporter, session: ClientSession
) -> None:
    """Clients share the encoded payloads. Payloads without clients are discarded."""
    async with (
        session.get("/live", params=SELECTION) as first_response,
        session.get("/live", params=SELECTION) as second_response,
    ):
        for response in (first_response, second_response):
            await EventStream(response).until("detail")
        first, second = live_exporter.broadcaster.clients
        assert first.sent.keys() == {"status", "tiles", "detail"}
        assert all(first.sent[name] is second.sent[name] for name in first.sent)
        assert len(live_exporter.broadcaster._newest) == 3
    while live_exporter.broadcaster.clients:
        live_exporter.monotonic_ms += (
            broadcaster_module.STATUS_INTERVAL
        )  # makes a status payload, which no client reads
        await live_exporter.publish(answers(1, 5))
        await live_exporter.refresh()
    await live_exporter.refresh()
    assert not live_exporter.broadcaster._newest


@pytest.mark.parametrize(
    "invalid_selection",
    [
        {"window": "2h"},
        {"view": "region"},
        {"tile": "cx_nps_score/x"},
        {"tile": "cx_other"},
        {"tile": ""},
    ],
)
async def test_an_unknown_selection_is_refused(
    session: ClientSession, invalid_selection: dict[str, str]
) -> None:
    """The answer is 400, and no payload is stored."""
    async with session.get("/live", params=SELECTION | invalid_selection) as response:
        assert response.status == 400


async def test_the_number_of_clients_is_limited(
    live_exporter: LiveExporter, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client over the limit gets 429. When one leaves, another may connect."""
    monkeypatch.setattr(broadcaster_module, "MAX_CLIENTS", 1)
    async with session.get("/live", params=SELECTION) as response:
        await EventStream(response).next()
        async with session.get("/live", params=SELECTION) as refused_response:
            assert (refused_response.status, await refused_response.text()) == (
                429,
                "1 of 1 live pages are connected, 1 of them from your address\n",
            )
            assert refused_response.headers["Retry-After"] == "3"
    while live_exporter.broadcaster.clients:
        await live_exporter.publish(answers(1, 5))
        await live_exporter.refresh()
    async with session.get("/live", params=SELECTION) as response:
        await EventStream(response).next()


async def test_a_client_that_does_not_read_is_dropped(
    live_exporter: LiveExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that does not read delays nobody. Its connection is closed and nothing is queued."""
    monkeypatch.setattr(broadcaster_module, "WRITE_TIMEOUT", 0.05)
    _, writer = await asyncio.open_connection("127.0.0.1", live_exporter.port, limit=1 << 10)
    query = "&".join(f"{name}={value}" for name, value in SELECTION.items())
    writer.write(f"GET /live?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    connected = False
    async with asyncio.timeout(60):
        while live_exporter.broadcaster.clients or not connected:
            connected = connected or bool(live_exporter.broadcaster.clients)
            for client in live_exporter.broadcaster.clients:  # as if everything changed all the time
                client.sent.clear()
                client.updated.set()
            await asyncio.sleep(0)
    writer.close()


async def test_streams_end_with_the_exporter() -> None:
    """The exporter stops without waiting for clients."""
    live_exporter = LiveExporter()
    async with ClientSession() as session:
        async with live_exporter.running():
            response = await session.get(f"{live_exporter.url}/live", params=SELECTION)
            stream = EventStream(response)
            await stream.next()
        remaining = await response.content.read()
        assert remaining == b"" or remaining.endswith(b"\n\n")


async def test_the_catalog_has_windows_views_and_headlines(
    live_exporter: LiveExporter, session: ClientSession
) -> None:
    """The catalog has windows, views, and each headline with the definition of its metric."""
    async with session.get("/catalog") as response:
        catalog = await response.json()
    assert [window["label"] for window in catalog["windows"]] == ["5m", "1h", "24h", "7d", "30d"]
    assert catalog["views"][1] == {"name": "channel", "labels": ["channel"]}
    nps = catalog["headlines"][0]
    assert (nps["id"], nps["metric"]["name"], nps["metric"]["version"]) == ("cx_nps_score", "nps", 2)
    assert "Promoters answer 9 or 10" in nps["metric"]["definition"]
    assert live_exporter.exporter.config.views.keys() == {view["name"] for view in catalog["views"]}


async def test_a_fault_of_the_alerts_ends_nothing(
    live_exporter: LiveExporter, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and the alerts are requested once more. Whoever looks gets the figures."""
    requests: asyncio.Queue[None] = asyncio.Queue()

    async def fail() -> None:
        requests.put_nowait(None)
        raise LookupError

    monkeypatch.setattr(broadcaster_module, "POLL_INTERVAL", 0.01)
    monkeypatch.setattr(live_exporter.alerts, "poll", fail)
    async with asyncio.timeout(30), session.get("/live", params=SELECTION) as response:
        for _ in range(2):
            await requests.get()
        await EventStream(response).until("tiles")
