"""The exporter's OpenAPI document, held to the answers of an exporter."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from stream.config import load
from stream.exporter.api.openapi import openapi
from stream.exporter.comment_reader import CommentReader
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.stored_lists import StoredLists
from tests.exporter.live.test_lists import WEB, answer, events
from tests.exporter.test_comment_reader import comment, write
from tests.support import HOUR, NOW

DOCUMENT = openapi()
REQUESTS: list[tuple[str, dict[str, str | list[str]]]] = [
    ("/api/v1/figures", {"metric": ["nps", "churn", "waiting"]}),
    ("/api/v1/figures", {"period": "yesterday", "time_zone": "Europe/Berlin"}),
    ("/api/v1/figures", {"from": "2026-01-01", "to": "2026-02-01"}),
    ("/api/v1/lists", {}),
    ("/api/v1/tickets", {}),
    ("/api/v1/tickets", {"list": "reopened", "window": "7d", "channel": "web"}),
    ("/api/v1/tickets", {"team": "x", "priority": "y"}),
    ("/api/v1/tickets", {"list": "orphans", "limit": "1"}),
    ("/api/v1/customers/leaving", {"window": "7d", "limit": "9"}),
    ("/api/v1/comments", {}),
    ("/api/v1/comments", {"class": "detractor", "survey": "nps", "reason": "x", "label": ["channel:app"]}),
    ("/api/v1/comments/state", {}),
]


def strict(schema: Any) -> Any:
    """Return a schema whose objects have no other members than those that it names."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(part) for name, part in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed


def errors_of(document: Any, schema: dict[str, Any]) -> list[str]:
    """Return what does not fit a schema of the document."""
    components = {"components": {"schemas": strict(deepcopy(DOCUMENT["components"]["schemas"]))}}
    return [error.message for error in Draft202012Validator(components | schema).iter_errors(document)]


def schema_of(path: str, status: int) -> dict[str, Any]:
    content = DOCUMENT["paths"][path]["get"]["responses"][str(status)]["content"]
    return dict(content["application/json"]["schema"])


@asynccontextmanager
async def exporter() -> AsyncIterator[LiveExporter]:
    """Yield a running exporter with tickets, customers and comments."""
    source, reader = StoredLists(), CommentReader(load(None, {}))
    reader.reason = ""
    write(reader, "a", comment("slow", NOW - HOUR, reasons=("delivery",)))
    write(reader, "b", comment("left", NOW, survey="exit", score=None, answer_class=None, values={}))
    live = LiveExporter(
        web=WEB,
        list_source=source,
        comment_reader=reader,
        CXGAUGE_EXPORTER_TICKET_URL="https://desk.example.org/tickets/{id}",
    )
    await live.publish(events())
    source.fill(*live.worker.partitions.values())
    async with live.running():
        await live.refresh()
        yield live


async def test_answers_fit_their_schemas() -> None:
    """They have all members that are documented, and no others. Between them, the lists have rows of every kind."""
    bodies = []
    async with exporter() as live:
        for path, query in REQUESTS:
            status, document = await answer(live, path, **query)
            assert status == 200, (path, query, document)
            assert errors_of(document, schema_of(path, 200)) == [], (path, query)
            bodies.append(json.dumps(document))
    for member in (
        '"state": "scheduled"',
        '"state": "churned"',
        '"class": null',
        '"part": "all"',
        '"id": "solved"',
    ):
        assert any(member in body for body in bodies), member


async def test_refusals_fit_their_schemas() -> None:
    """And name exactly the parameters that are documented."""
    async with exporter() as live:
        for path in ("/api/v1/tickets", "/api/v1/customers/leaving", "/api/v1/comments"):
            status, document = await answer(live, path, colour="red")
            assert errors_of(document, schema_of(path, status)) == []
            named = {parameter["name"] for parameter in DOCUMENT["paths"][path]["get"]["parameters"]}
            allowed = document["error"].partition("are ")[2].split(", ")
            assert (status, set(allowed)) == (400, named)
        for path in ("/api/v1/figures", "/api/v1/figures.csv", "/api/v1/incidents"):
            status, document = await answer(live, path, colour="red")
            assert status == 400
            assert errors_of(document, schema_of(path, status)) == []
    without = LiveExporter()
    await without.publish()
    async with without.running():
        await without.refresh()
        for path in ("/api/v1/tickets", "/api/v1/comments"):
            status, document = await answer(without, path)
            assert status == 403
            assert errors_of(document, schema_of(path, status)) == []


async def test_every_path_of_the_api_is_documented() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []  # type: ignore[arg-type]
    async with LiveExporter().running() as live:
        served = live.paths
    assert {path for path in served if path.startswith("/api/")} == {
        path for path in DOCUMENT["paths"] if path.startswith("/api/")
    }
