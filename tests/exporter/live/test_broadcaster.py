"""Server-sent events as a client gets them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from stream.exporter.live import broadcaster as hubs
from tests.exporter.live.world import World
from tests.exporter.memory import answers

LOOK = {"window": "1h", "view": "channel", "tile": "cx_nps_score"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Some answers, shown."""
    made = World()
    await made.publish(answers(3, 10, channel="web"))
    async with made.running():
        yield made


@pytest.fixture
async def session(world: World) -> AsyncIterator[ClientSession]:
    async with ClientSession(world.url) as made:
        yield made


class Stream:
    """The events of one connection."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def next(self) -> tuple[str, Any]:
        """Name and part of the next one."""
        async with asyncio.timeout(30):
            lines = (await self.answer.content.readuntil(b"\n\n")).decode().splitlines()
        assert lines[0].startswith("event: ")
        assert lines[1].startswith("data: ")
        return lines[0][7:], json.loads(lines[1][6:])

    async def until(self, name: str, condition: Any = lambda _: True) -> Any:
        """The first part of that name for which it holds."""
        while True:
            found, part = await self.next()
            if found == name and condition(part):
                return part


async def test_everything_is_told_at_once(session: ClientSession) -> None:
    """A new page gets all three parts, of what it asked for."""
    async with session.get("/live", params=LOOK) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        parts = dict([await Stream(answer).next() for _ in range(3)])
    assert set(parts) == {"status", "tiles", "detail"}
    assert parts["tiles"]["window"] == "1h"
    assert (parts["detail"]["id"], parts["detail"]["view"]) == ("cx_nps_score", "channel")
    assert (parts["status"]["covered"], parts["status"]["expected"]) == (3, 3)


async def test_only_what_changed_is_told(world: World, session: ClientSession) -> None:
    """An event changes tiles and status; without one only the moment is told, now and then."""
    async with session.get("/live", params=LOOK) as answer:
        stream = Stream(answer)
        for _ in range(3):
            await stream.next()
        await world.refresh()
        world.steady += hubs.STATUS_INTERVAL
        name, part = await stream.next()
        assert (name, part["domains"]["feedback"]["outcomes"]) == ("status", {"accepted": 3})
        await world.publish(answers(1, 0, channel="web"))
        tiles = await stream.until("tiles")
        assert next(each for each in tiles["tiles"] if each["id"] == "cx_nps_score")["value"] == 50


async def test_parts_are_made_once_for_all(world: World, session: ClientSession) -> None:
    """Clients that look at the same share the very bytes; what nobody looks at any more is forgotten."""
    async with session.get("/live", params=LOOK) as one, session.get("/live", params=LOOK) as other:
        for answer in (one, other):
            await Stream(answer).until("detail")
        first, second = world.hub.clients
        assert first.sent.keys() == {"status", "tiles", "detail"}
        assert all(first.sent[name] is second.sent[name] for name in first.sent)
        assert len(world.hub._newest) == 3
    while world.hub.clients:
        world.steady += hubs.STATUS_INTERVAL  # the moment is told, which nobody takes
        await world.publish(answers(1, 5))
        await world.refresh()
    await world.refresh()
    assert not world.hub._newest


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": "2h"},
        {"view": "team"},
        {"tile": "cx_nps_score/x"},
        {"tile": "cx_other"},
        {"tile": ""},
    ],
)
async def test_what_there_is_not_is_refused(session: ClientSession, wrong: dict[str, str]) -> None:
    """400, and nothing is kept."""
    async with session.get("/live", params=LOOK | wrong) as answer:
        assert answer.status == 400


async def test_there_is_an_end_to_clients(
    world: World, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is told so; when one goes, another may come."""
    monkeypatch.setattr(hubs, "MAX_CLIENTS", 1)
    async with session.get("/live", params=LOOK) as answer:
        await Stream(answer).next()
        async with session.get("/live", params=LOOK) as refused:
            assert (refused.status, await refused.text()) == (
                503,
                "all 1 connections of live pages are in use\n",
            )
    while world.hub.clients:
        await world.publish(answers(1, 5))
        await world.refresh()
    async with session.get("/live", params=LOOK) as answer:
        await Stream(answer).next()


async def test_who_takes_nothing_is_dropped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not read holds up nobody: its connection is ended, nothing piles up for it."""
    monkeypatch.setattr(hubs, "WRITE_TIMEOUT", 0.05)
    _, writer = await asyncio.open_connection("127.0.0.1", world.port, limit=1 << 10)
    query = "&".join(f"{name}={value}" for name, value in LOOK.items())
    writer.write(f"GET /live?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    seen = False
    async with asyncio.timeout(60):
        while world.hub.clients or not seen:
            seen = seen or bool(world.hub.clients)
            for client in world.hub.clients:  # as if everything changed all the time
                client.sent.clear()
                client.updated.set()
            await asyncio.sleep(0)
    writer.close()


async def test_the_end_of_the_exporter_ends_streams() -> None:
    """So that it stops at once."""
    world = World()
    async with ClientSession() as session:
        async with world.running():
            answer = await session.get(f"{world.url}/live", params=LOOK)
            stream = Stream(answer)
            await stream.next()
        rest = await answer.content.read()
        assert rest == b"" or rest.endswith(b"\n\n")


async def test_the_catalog_names_everything(world: World, session: ClientSession) -> None:
    """Windows, views, and each headline with the definition of its metric."""
    async with session.get("/catalog") as answer:
        catalog = await answer.json()
    assert [window["label"] for window in catalog["windows"]] == ["5m", "1h", "24h", "7d", "30d"]
    assert catalog["views"][1] == {"name": "channel", "labels": ["channel"]}
    nps = catalog["headlines"][0]
    assert (nps["id"], nps["metric"]["name"], nps["metric"]["version"]) == ("cx_nps_score", "nps", 1)
    assert "Promoters answer 9 or 10" in nps["metric"]["definition"]
    assert world.exporter.config.views.keys() == {view["name"] for view in catalog["views"]}
