"""The lists of tickets and customers over HTTP: who may read them, what they hold, and what is refused."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import bcrypt
import pytest
from aiohttp import ClientSession

from schemas.customers import CancelScheduled, CustomerActivated, CustomerChurned
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus, TicketUpdated
from stream.exporter.live.list_documents import link
from stream.http.web_config import WebConfig
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.stored_lists import StoredLists
from tests.support import DAY, HOUR, MINUTE, NOW, Event

WEB = WebConfig(users={"lead": bcrypt.hashpw(b"secret", bcrypt.gensalt(4))})
LEAD = {"Authorization": "Basic " + base64.b64encode(b"lead:secret").decode()}
TICKET_URL = "https://desk.example.org/tickets/{id}"


def events() -> list[Event]:
    """Return tickets of every list, and customers who leave."""
    datas: list[tuple[Any, int]] = [
        (TicketCreated(ticket_id="old & odd/id", channel="app", priority="urgent"), NOW - 3 * HOUR),
        (TicketUpdated(ticket_id="old & odd/id", team="second"), NOW - 2 * HOUR),
        (TicketCreated(ticket_id="new", channel="web"), NOW - MINUTE),
        (TicketMessage(ticket_id="orphan", message_id="m", author="customer"), NOW - HOUR),
        (TicketCreated(ticket_id="solved", channel="web"), NOW - 9 * DAY),
        (TicketStatus(ticket_id="solved", status="solved", by="agent"), NOW - 2 * DAY),
        (TicketStatus(ticket_id="solved", status="open"), NOW - DAY - HOUR),
        (TicketMessage(ticket_id="solved", message_id="m", author="agent"), NOW - DAY),
        (TicketMessage(ticket_id="solved", message_id="n", author="customer"), NOW - 5 * HOUR),
        (CustomerActivated(customer_id="stays"), NOW - 40 * DAY),
        (CustomerActivated(customer_id="gone", plan="gold"), NOW - 40 * DAY),
        (CustomerChurned(customer_id="gone", reason="price", voluntary=True), NOW - 2 * HOUR),
        (CustomerActivated(customer_id="going"), NOW - 40 * DAY),
        (CancelScheduled(customer_id="going", effective_at="2026-12-01T00:00:00Z"), NOW - 3 * DAY),
    ]
    return [Event(data, at, NOW, f"e{n}") for n, (data, at) in enumerate(datas)]


@asynccontextmanager
async def exporter(web: WebConfig = WEB, **env: str) -> AsyncIterator[tuple[LiveExporter, StoredLists]]:
    """Yield a running exporter with the events, and the source of its lists."""
    source = StoredLists()
    live = LiveExporter(web=web, list_source=source if web.users else None, **env)
    await live.publish(events())
    source.fill(*live.worker.partitions.values())
    async with live.running():
        yield live, source


async def answer(live: LiveExporter, path: str, **query: str | list[str]) -> tuple[int, Any]:
    """Return status and document of a request of the user."""
    async with (
        ClientSession(headers=LEAD) as session,
        session.get(f"{live.url}{path}", params=query) as response,
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.content_type == "application/json"
        return response.status, json.loads(await response.read())


async def ids(live: LiveExporter, name: str, **query: str) -> list[str]:
    """Return the IDs of a list of tickets."""
    status, document = await answer(live, "/api/v1/tickets", list=name, **query)
    assert (status, document["list"], document["total"]) == (200, name, len(document["tickets"]))
    return [row["id"] for row in document["tickets"]]


async def test_rows_have_age_dimensions_and_link() -> None:
    async with exporter(CXGAUGE_EXPORTER_TICKET_URL=TICKET_URL) as (live, _):
        status, document = await answer(live, "/api/v1/tickets")
    assert status == 200
    assert {name: document[name] for name in ("list", "window", "total", "incomplete")} == {
        "list": "waiting",
        "window": None,
        "total": 2,
        "incomplete": "",
    }
    assert document["tickets"][0] == {
        "id": "old & odd/id",
        "since": "2026-09-21T11:13:20.000+00:00",
        "age_seconds": 3 * 3600,
        "channel": "app",
        "team": "second",
        "priority": "urgent",
        "url": "https://desk.example.org/tickets/old%20%26%20odd%2Fid",
    }
    assert document["tickets"][1]["id"] == "new"


async def test_every_list() -> None:
    async with exporter() as (live, _):
        assert await ids(live, "over-target") == ["old & odd/id"]
        assert await ids(live, "awaiting-reply") == ["solved", "old & odd/id", "new"]
        assert await ids(live, "orphans") == ["orphan"]
        assert await ids(live, "reopened") == []
        assert await ids(live, "reopened", window="7d") == ["solved"]
        assert await ids(live, "unanswered", window="7d") == ["solved"]


async def test_filters_and_limit() -> None:
    async with exporter() as (live, _):
        assert await ids(live, "waiting", channel="web") == ["new"]
        assert await ids(live, "waiting", team="second", priority="urgent") == ["old & odd/id"]
        assert await ids(live, "waiting", team="second", priority="low") == []
        _, document = await answer(live, "/api/v1/tickets", limit="1")
        assert (document["total"], [row["id"] for row in document["tickets"]]) == (2, ["old & odd/id"])


async def test_customers_who_leave() -> None:
    async with exporter() as (live, _):
        status, document = await answer(live, "/api/v1/customers/leaving")
    assert (status, document["list"], document["window"], document["total"]) == (200, "leaving", "24h", 2)
    assert [
        (row["id"], row["state"], row["reason"], row["voluntary"], row["plan"])
        for row in document["customers"]
    ] == [("gone", "churned", "price", True, "gold"), ("going", "scheduled", None, None, None)]


@pytest.mark.parametrize("path", ["/api/v1/tickets", "/api/v1/customers/leaving"])
async def test_without_users_nothing_is_listed(path: str) -> None:
    """The answer says how to switch the lists on."""
    async with exporter(WebConfig()) as (live, _):
        status, document = await answer(live, path)
    assert status == 403
    assert "exporter.web_config" in document["error"]
    assert "basic_auth_users" in document["error"]


@pytest.mark.parametrize("path", ["/api/v1/tickets", "/api/v1/customers/leaving"])
async def test_without_a_password_nothing_is_listed(path: str) -> None:
    async with (
        exporter() as (live, _),
        ClientSession() as session,
        session.get(f"{live.url}{path}") as response,
    ):
        assert response.status == 401
        assert "tickets" not in await response.text()


async def test_a_list_that_is_not_read_completely_is_not_served() -> None:
    async with exporter() as (live, source):
        source.reason = "the state topics are being read, 12 % so far"
        assert await answer(live, "/api/v1/tickets") == (503, {"error": source.reason})


async def test_an_uncovered_partition_is_named() -> None:
    """The list is served, because its rows are right but for what was not counted yet."""
    async with exporter() as (live, _):
        live.monotonic_ms += 60_000
        _, document = await answer(live, "/api/v1/tickets")
        assert document["incomplete"] == "tickets 0: no checkpoint for 60 s"
        _, document = await answer(live, "/api/v1/customers/leaving")
        assert document["incomplete"] == "customers 0: no checkpoint for 60 s"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"list": "all"}, "list: allowed are waiting, awaiting-reply"),
        ({"window": "2h"}, "window: allowed are 5m, 1h"),
        ({"limit": "0"}, "limit: allowed is a whole number from 1 to 1000"),
        ({"limit": "1001"}, "limit: allowed"),
        ({"limit": "\u0661"}, "limit: allowed"),
        ({"limit": "9" * 5000}, "limit: allowed"),
        ({"chanel": "web"}, "'chanel': allowed parameters are channel"),
    ],
)
async def test_refused_parameters(query: dict[str, str], reason: str) -> None:
    async with exporter() as (live, _):
        status, document = await answer(live, "/api/v1/tickets", **query)
    assert status == 400
    assert document["error"].startswith(reason)


@pytest.mark.parametrize(
    ("ticket_id", "escaped"),
    [
        ("t-1", "t-1"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("\"'<>&", "%22%27%3C%3E%26"),
        ("%41 {id}", "%2541%20%7Bid%7D"),
        ("\u20ac\n", "%E2%82%AC%0A"),
    ],
)
def test_ids_are_escaped_in_links(ticket_id: str, escaped: str) -> None:
    assert link(TICKET_URL, ticket_id) == f"https://desk.example.org/tickets/{escaped}"
    assert link(None, ticket_id) is None
