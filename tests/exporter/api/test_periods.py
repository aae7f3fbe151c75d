"""Figures of a period over HTTP: equal to those of a window, complete or absent, and what is refused."""

import asyncio
import csv
import io
from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientSession

from schemas.times import from_ms
from stream.core.metrics import REGISTRY
from stream.exporter.api import endpoint
from tests.exporter.api.test_figures import client
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter, shop_events
from tests.support import DAY, HOUR, MINUTE, NOW

WEEK = 7 * DAY
END = (NOW - DAY) // HOUR * HOUR
"""The end of a window of whole hours in the past."""


async def document(session: ClientSession, **query: str) -> dict[str, Any]:
    async with session.get("/api/v1/figures", params=query) as answer:
        assert answer.status == 200, await answer.text()
        return dict(orjson.loads(await answer.read()))


def values(document: dict[str, Any]) -> dict[tuple[Any, ...], float]:
    return {
        (figure["series"], figure["view"], *sorted(figure["labels"].items())): figure["value"]
        for figure in document["figures"]
    }


async def test_a_week_has_the_figures_of_the_window_then() -> None:
    """With bounds, sample sizes and values of the week before. An event of a later hour is in neither."""
    live_exporter = LiveExporter()
    live_exporter.now = END - MINUTE
    await live_exporter.publish([*shop_events(END - MINUTE), *answers(9, 0, END, channel="web")])
    async with client(live_exporter) as session:
        of_window = values(await document(session, window="7d"))
        live_exporter.now = NOW
        await live_exporter.refresh()
        begin, end = (from_ms(at).isoformat() for at in (END - WEEK, END))
        period = await document(session, **{"from": begin, "to": end})
    assert period["period"] == {
        "from": "2026-09-13T14:00:00+00:00",
        "to": "2026-09-20T14:00:00+00:00",
        "time_zone": "UTC",
        "before": {"from": "2026-09-06T14:00:00+00:00", "to": "2026-09-13T14:00:00+00:00"},
    }
    assert {figure["window"] for figure in period["figures"]} == {
        "2026-09-13T14:00:00+00:00/2026-09-20T14:00:00+00:00"
    }
    summed = values(period)
    assert summed == {key: of_window.get(key) for key in summed}
    assert {"cx_nps_score", "cx_nps_score_low", "cx_nps_responses_previous", "cx_first_response_seconds"} <= {
        key[0] for key in summed
    }
    wholly, partly = (
        {name for absence in period["absent"] if absence["part"] == part for name in absence["metrics"]}
        for part in ("all", "state")
    )
    assert wholly == {"waiting", "retention"}
    assert {"churn", "clv", "referral"} <= partly
    absent_series = {key[0] for key in of_window} - {key[0] for key in summed}
    of_states = {family.name for name in wholly | partly for family in REGISTRY[name].all_families}
    assert absent_series <= of_states


async def test_csv_has_the_period_as_window() -> None:
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10, NOW - DAY, channel="web"))
    query = {"period": "yesterday", "time_zone": "Europe/Berlin", "metric": "nps", "view": "channel"}
    async with (
        client(live_exporter) as session,
        session.get("/api/v1/figures.csv", params=query) as answer,
    ):
        lines = list(csv.DictReader(io.StringIO(await answer.text(), newline="")))
    (score,) = [line for line in lines if line["series"] == "cx_nps_score"]
    assert score["window"] == "2026-09-20T00:00:00+02:00/2026-09-21T00:00:00+02:00"
    assert (score["channel"], score["value"]) == ("web", "100.0")


async def test_a_period_before_the_panes_is_absent() -> None:
    """Wholly, or only what it is compared with. The reason names the first hour of the panes."""
    live_exporter = LiveExporter()
    await live_exporter.publish(
        answers(3, 10, NOW - 3 * DAY) + answers(3, 10, NOW - 8 * DAY), complete_since=NOW - 10 * DAY
    )
    async with client(live_exporter) as session:
        month = await document(session, period="last-month", metric="nps", view="total")
        assert month["figures"] == []
        reason = "panes of feedback begin at 2026-09-11 14:13 (UTC)"
        assert month["absent"] == [{"metrics": ["nps"], "part": "all", "reason": reason}]
        week = await document(session, period="this-week", metric="nps", view="total")
        assert week["absent"] == []
        assert values(week)["cx_nps_responses_previous", "total", ("category", "promoter")] == 0
        begin = (NOW - 9 * DAY) // HOUR * HOUR
        query = {"from": from_ms(begin).isoformat(), "to": from_ms(begin + 7 * DAY).isoformat()}
        compared = await document(session, **query, metric="nps", view="total")
        assert compared["absent"] == [{"metrics": ["nps"], "part": "before", "reason": reason}]
        assert values(compared)["cx_nps_score", "total"] == 100
        assert not any("previous" in figure["series"] for figure in compared["figures"])


async def test_nothing_is_served_without_coverage() -> None:
    async with client(LiveExporter()) as session:
        empty = await document(session, **{"from": "1969-01-01", "to": "1969-01-02"})
    assert empty["figures"] == []
    assert [absence["reason"] for absence in empty["absent"]] == [
        f"not all partitions of {domain} are covered" for domain in ("feedback", "tickets", "customers")
    ]


async def test_requests_at_the_same_time_get_the_same_answer() -> None:
    """One after the other, while the exporter refreshes its windows."""
    live_exporter = LiveExporter()
    await live_exporter.publish(shop_events())
    async with client(live_exporter) as session:
        first, *others = await asyncio.gather(*(document(session, period="yesterday") for _ in range(5)))
    assert len(first["figures"]) > 100
    assert all(other == first for other in others)


async def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is the turn of the next request."""
    live_exporter = LiveExporter()
    await live_exporter.publish(shop_events())
    async with client(live_exporter) as session:
        monkeypatch.setattr(endpoint, "PERIOD_TIMEOUT", 0)
        with pytest.raises(ClientError):
            await document(session, period="yesterday")
        monkeypatch.undo()
        assert (await document(session, period="yesterday"))["figures"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("period=last-year", "period: got 'last-year', allowed are today, yesterday, this-week, last-week"),
        ("period=today&window=7d", "window: allowed without period, from, to and time_zone"),
        ("period=today&from=2026-09-01", "a period needs either period, or from and to"),
        ("from=2026-09-01", "a period needs either period, or from and to"),
        ("time_zone=Europe/Berlin", "a period needs either period, or from and to"),
        ("period=today&period=yesterday", "period: allowed once"),
        (
            "period=today&time_zone=Berlin",
            "time_zone: got 'Berlin', allowed is a name of the IANA time zones",
        ),
        ("period=today&time_zone=../../etc/passwd", "time_zone: got '../../etc/passwd', allowed"),
        ("period=today&time_zone=Asia/Kolkata", "00:00 in Asia/Kolkata is 18:30 in UTC"),
        ("from=yesterday&to=today", "from: got 'yesterday', allowed is a date or a time such as 2026-10-01"),
        (
            "from=2026-09-01T00:00+02:00&to=2026-09-02",
            "from: got '2026-09-01T00:00 02:00', allowed is a date",
        ),
        ("from=2026-09-21&to=2026-09-22", "from and to: the period ends in the future"),
        ("from=2026-09-20&to=2026-09-20", "from and to: the period is empty"),
        ("from=2026-09-21&to=2026-09-20", "from and to: the period ends before it begins"),
        ("from=0001-01-01&to=2026-01-01", "from and to: the years are 1 to 9999"),
        ("from=2026-01-01&to=9999-12-31T23:59:59-14:00", "from and to: the period ends in the future"),
    ],
)
async def test_refused_periods(query: str, reason: str) -> None:
    async with client(LiveExporter()) as session, session.get(f"/api/v1/figures?{query}") as answer:
        assert answer.status == 400
        assert reason in (await answer.json())["error"]
