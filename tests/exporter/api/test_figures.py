"""The API's figures, compared with `/metrics`, its document, and what it refuses."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator

from stream.core.metrics import REGISTRY
from stream.exporter.api import formats, openapi
from stream.exporter.api.figures import FigureFilter, ServedText
from stream.exporter.api.formats import csv_cell
from stream.exporter.exposition import escaped
from stream.http.web_config import WebConfig, read
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter, shop_events
from tests.http.test_web_config import basic
from tests.support import NOW

HOSTILE = ('=1+1,"x"', "@SUM(A1)", "-1", "\uff1d1", 'a"b\nc\\', "é\u2028{}", 'x",view="total')
"""Channels that are parsed, quoted or shown wrongly with ease."""
DOCUMENT = openapi.openapi()


@asynccontextmanager
async def client(live_exporter: LiveExporter) -> AsyncIterator[ClientSession]:
    """Yield a client of a running exporter whose values are rendered."""
    async with live_exporter.running(), ClientSession(live_exporter.url) as session:
        await live_exporter.refresh()
        yield session


def series_of(text: str) -> dict[str, float]:
    """Return the series of metrics in the text of `/metrics`: those with a view, but for unusual figures and incidents."""
    lines = (
        line.rpartition(" ")
        for line in text.split("\n")
        if 'view="' in line and not line.startswith(("#", "cx_unusual_", "cx_incident_"))
    )
    return {name: float(value) for name, _, value in lines}


def names(figures: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """Yield the series of figures as `/metrics` writes them, with their values."""
    for figure in figures:
        family = next(
            family for family in REGISTRY[figure["metric"]].all_families if family.name == figure["series"]
        )
        labels = {name: value for name, value in figure["labels"].items() if name not in family.labels}
        window = {} if figure["window"] is None else {"window": figure["window"]}
        own_labels = {name: figure["labels"][name] for name in family.labels}
        pairs = {"view": figure["view"], **labels, **window, **own_labels}
        text = ",".join(f'{name}="{escaped(value)}"' for name, value in pairs.items())
        yield f"{figure['series']}{{{text}}}", figure["value"]


async def test_all_figures_are_those_of_metrics() -> None:
    """Every series with a view, once and to the last digit, whatever its label values are. The answer fits its schema."""
    live_exporter = LiveExporter()
    hostile = [event for channel in HOSTILE for event in answers(1, 9, NOW, channel=channel)]
    await live_exporter.publish([*shop_events(), *hostile])
    async with client(live_exporter) as session:
        async with session.get("/metrics") as answer:
            series = series_of(await answer.text())
        async with session.get("/api/v1/figures") as answer:
            assert answer.content_type == "application/json"
            assert answer.headers["Cache-Control"] == "no-store"
            document = orjson.loads(await answer.read())
    figures = [*names(document["figures"])]
    assert len(figures) == len(series) > 1_000
    assert dict(figures) == series
    assert document["partitions"] == {"expected": 3, "covered": 3}
    schema = {"components": DOCUMENT["components"], "$ref": "#/components/schemas/Figures"}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []


async def test_figures_by_metric_view_and_window() -> None:
    """Parameters may be repeated. Figures of now are in every window."""
    live_exporter = LiveExporter()
    await live_exporter.publish(shop_events())
    async with client(live_exporter) as session:

        async def chosen(query: str) -> list[dict[str, Any]]:
            async with session.get(f"/api/v1/figures?{query}") as answer:
                return list(orjson.loads(await answer.read())["figures"])

        every = await chosen("")
        some = await chosen("metric=waiting&metric=nps&view=channel&window=7d&window=24h")
        assert some == [
            figure
            for figure in every
            if figure["metric"] in ("nps", "waiting")
            and figure["view"] == "channel"
            and figure["window"] in ("7d", "24h", None)
        ]
        assert {figure["metric"] for figure in some} == {"nps", "waiting"}
        assert {figure["window"] for figure in some} == {"7d", "24h", None}
        assert await chosen("metric=nps&view=total&window=5m") == [
            figure
            for figure in every
            if (figure["metric"], figure["view"], figure["window"]) == ("nps", "total", "5m")
        ]


async def test_csv_has_the_same_figures() -> None:
    """One line each with the columns of the wanted labels. A text never begins a formula."""
    live_exporter = LiveExporter()
    await live_exporter.publish([event for channel in HOSTILE for event in answers(2, 9, channel=channel)])
    query = "metric=nps&view=channel&view=total&window=1h"
    async with client(live_exporter) as session:
        async with session.get(f"/api/v1/figures.csv?{query}") as answer:
            assert answer.content_type == "text/csv"
            head, *lines = csv.reader(io.StringIO(await answer.text(), newline=""), strict=True)
        async with session.get(f"/api/v1/figures?{query}") as answer:
            figures = orjson.loads(await answer.read())["figures"]
    assert head == ["metric", "version", "series", "unit", "view", "window", "channel", "category", "value"]
    assert [float(line[-1]) for line in lines] == [figure["value"] for figure in figures]
    for line, figure in zip(lines, figures, strict=True):
        channel = figure["labels"].get("channel", "")
        assert line[6].removeprefix("'") == channel
        assert line[6].startswith("'") is (channel in HOSTILE[:4])
        assert line[7] == figure["labels"].get("category", "")


def test_numbers_are_no_formulas() -> None:
    """A negative number is a number."""
    assert [csv_cell(value) for value in (-1.5, 0, None, "-1.5", "a-b")] == [
        "-1.5",
        "0",
        "",
        '"\'-1.5"',
        '"a-b"',
    ]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("metric=npss", "metric: got 'npss', allowed are nps, csat, "),
        ("view=chanel", "view: got 'chanel', allowed are total, channel, touchpoint, team\n"),
        ("window=2h", "window: got '2h', allowed are 5m, 1h, 24h, 7d, 30d\n"),
        (
            "windw=1h",
            "parameter: got 'windw', allowed are metric, view, window, period, from, to, time_zone\n",
        ),
        ("view=%1b%5B31m", "view: got '\\\\x1b[31m', allowed are"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".csv"])
async def test_unknown_parameters(query: str, reason: str, suffix: str) -> None:
    """They get the allowed values."""
    async with (
        client(LiveExporter()) as session,
        session.get(f"/api/v1/figures{suffix}?{query}") as answer,
    ):
        assert answer.status == 400
        assert reason in (await answer.json())["error"] + "\n"


async def test_incomplete_figures_say_so() -> None:
    """None before the first complete refresh. Held values have uncovered partitions beside them."""
    live_exporter = LiveExporter()
    async with client(live_exporter) as session:

        async def document() -> dict[str, Any]:
            await live_exporter.refresh()
            async with session.get("/api/v1/figures?metric=nps&window=1h&view=total") as answer:
                return dict(orjson.loads(await answer.read()))

        nothing = {"partitions": {"expected": 3, "covered": 0}, "targets": [], "benchmarks": []}
        assert await document() == nothing | {"figures": []}
        await live_exporter.publish(answers(2, 10))
        complete = await document()
        assert complete["partitions"]["covered"] == 3
        live_exporter.monotonic_ms += 40_000
        assert await document() == nothing | {"figures": complete["figures"]}
        assert complete["figures"] != []


async def test_access_is_that_of_metrics(tmp_path: Any) -> None:
    """The same users and the same host names. Only GET and HEAD."""
    config = tmp_path / "web.yml"
    # the password is "secret"
    config.write_text(
        "basic_auth_users:\n  ann: $2b$04$rNWGy7FRlSRnW413bi3aAeeVROAOFVvzMzQUD6OeR1wpE9dPxp1hu\n"
    )
    for web in (WebConfig(), read(config)):
        async with client(LiveExporter(web=web)) as session:
            for path in ("/metrics", "/api/v1/figures", "/api/v1/figures.csv"):
                for credentials, is_valid in (("ann:secret", True), ("ann:wrong", False)):
                    header = {"Authorization": basic(credentials)}
                    allowed = not web.users or is_valid
                    async with session.get(path, headers=header) as answer:
                        assert answer.status == (200 if allowed else 401), path
                    async with session.head(path, headers=header) as answer:
                        assert answer.status == (200 if allowed else 401), path
                    async with session.post(path, headers=header) as answer:
                        assert answer.status == (405 if allowed else 401)
                async with session.get(path, headers={"Host": "evil.example"}) as answer:
                    assert answer.status == 421


async def test_targets_and_benchmarks_are_beside_the_figures() -> None:
    live_exporter = LiveExporter(
        CXGAUGE_TARGETS='{"cx_nps_score": 40, "cx_first_response_seconds/0.9": "1h"}',
        CXGAUGE_BENCHMARKS='{"cx_nps_score": {"value": 32, "source": "\\"A\\" survey", "year": 2025}}',
    )
    async with client(live_exporter) as session, session.get("/api/v1/figures?metric=nps") as answer:
        document = orjson.loads(await answer.read())
    assert document["targets"] == [
        {"figure": "cx_nps_score", "value": 40},
        {"figure": "cx_first_response_seconds/0.9", "value": 3600},
    ]
    assert document["benchmarks"] == [
        {"figure": "cx_nps_score", "value": 32, "source": '"A" survey', "year": 2025}
    ]
    schema = {"components": DOCUMENT["components"], "$ref": "#/components/schemas/Figures"}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []


async def test_a_long_answer_is_made_in_short_steps() -> None:
    """A step is a line of `/metrics` at most, and a piece is sent as soon as it is long enough."""
    lines = [f'cx_nps_score{{view="channel",channel="c{n}",window="1h"}} {n}.5\n' for n in range(5_000)]
    plain = "".join(["# HELP cx_nps_score x\n# TYPE cx_nps_score gauge\n", *lines]).encode()
    wanted = FigureFilter([REGISTRY["nps"]], ["channel"], ["1h"])
    for answered in formats.FORMATS.values():
        pieces = [*formats.joined(answered.pieces(ServedText(plain), wanted, {"channel": ("channel",)}))]
        sizes = [len(piece) for piece in pieces if piece is not None]
        assert pieces.count(None) > 5_000
        assert len(sizes) > 3
        assert max(sizes) < formats.PIECE + 1_000
        body = b"".join(piece for piece in pieces if piece is not None).decode()
        assert len(re.findall(r"\bc\d+\b", body)) == 5_000
