"""What the page is told, against what `/metrics` says."""

from itertools import pairwise
from typing import Any

import orjson
import pytest

from schemas.feedback import FeedbackSubmitted
from stream.core.metrics.headlines import HEADLINES, Tile, decode
from stream.exporter.live.payloads import MAX_ROWS, Payloads, Selection
from stream.exporter.live.timelines import MAX_POINTS
from stream.exporter.state import ExporterState
from tests.exporter.live.world import shop
from tests.exporter.memory import Worker, answers, exporter, feed, refresh
from tests.support import MINUTE, NOW, Event

WINDOWS = ("5m", "1h", "24h", "7d", "30d")


def tile(name: str) -> Tile:
    """The tile with this name."""
    found = decode(name)
    assert found is not None
    return found


def tiles(parts: Payloads, slot: int, *also: Tile) -> dict[str, dict[str, Any]]:
    """The tiles of a window by name."""
    into: list[bytes] = []
    for _ in parts.timelines.update(slot, 0):
        pass
    for _ in parts.tiles(slot, also, into):
        pass
    return {each["id"]: each for each in orjson.loads(into[0])["tiles"]}


def detail(parts: Payloads, slot: int, view: str, name: str) -> dict[str, Any]:
    """A tile at length."""
    into: list[bytes] = []
    for _ in parts.timelines.update(slot, 0):
        pass
    for _ in parts.detail(Selection(slot, view, tile(name)), into):
        pass
    found: dict[str, Any] = orjson.loads(into[0])
    return found


@pytest.fixture(scope="module")
def full() -> tuple[ExporterState, dict[str, float]]:
    """An exporter of a shop, and its page."""
    shown = exporter()
    feed(shown, Worker(shown)(shop()))
    return shown, refresh(shown)


@pytest.mark.parametrize("slot", range(5))
def test_tiles_show_what_is_served(full: tuple[ExporterState, dict[str, float]], slot: int) -> None:
    """Value and bounds are the series', n is its sum; no headline of something counted is without a tile."""
    shown, page = full
    found = tiles(Payloads(shown), slot)
    for each in found.values():
        assert page.get(each["series"]) == each["value"]
        headline = HEADLINES[each["headline"]].headline
        for bound in ("low", "high"):
            family = getattr(headline, bound)
            if family is not None:
                assert each[bound] == page.get(each["series"].replace(headline.family.name, family.name))
    window = f'view="total",window="{WINDOWS[slot]}"'
    parts = ("promoter", "passive", "detractor")
    n = sum(page[f'cx_nps_responses{{{window},category="{part}"}}'] for part in parts)
    assert found["cx_nps_score"]["n"] == n
    assert found["cx_survey_response_ratio/csat"]["n"] == page[f'cx_survey_offered{{{window},survey="csat"}}']
    assert found["cx_retention_ratio/cohort"]["n"] == page[f"cx_opening_customers{{{window}}}"]
    assert found["cx_clv_historical_mean/all/EUR"]["value"] > 0
    assert {HEADLINES[each["headline"]].metric.name for each in found.values()} == {
        shown.metric.name for shown in HEADLINES
    } - {"business_hours"}


@pytest.mark.parametrize("name", ["cx_nps_score", "cx_first_response_seconds/0.9", "cx_waiting_tickets"])
def test_breakdowns_show_what_is_served(full: tuple[ExporterState, dict[str, float]], name: str) -> None:
    """A row for each label set that has the figure, those with the largest samples first."""
    shown, page = full
    found = detail(Payloads(shown), 3, "channel", name)
    family = name.partition("/")[0]
    rows = {row["labels"][0]: row["value"] for row in found["rows"]}
    assert len(rows) == len(found["rows"])
    for channel, value in rows.items():
        series = found["series"].replace('view="total"', f'view="channel",channel="{channel}"')
        assert page[series] == value
    quantile = 'quantile="0.9"' if "/" in name else ""
    listed = [s for s in page if s.startswith(f'{family}{{view="channel"') and quantile in s]
    assert len([s for s in listed if 'window="7d"' in s or "window" not in s]) == len(rows) > 1
    sizes = [row["n"] if row["n"] is not None else row["value"] for row in found["rows"]]
    assert sizes == sorted(sizes, reverse=True)


def test_time_lines_add_up_to_the_figure(full: tuple[ExporterState, dict[str, float]]) -> None:
    """Added up, n of the pieces is n of the window; the last point of what is read once a minute is the figure."""
    shown, page = full
    parts = Payloads(shown)
    for _ in parts.timelines.record(NOW, 5):
        pass
    for name in (
        "cx_nps_score",
        "cx_first_response_seconds/0.9",
        "cx_survey_response_ratio/nps",
        "cx_handle_mean_seconds",
    ):
        found = detail(parts, 4, "total", name)
        assert sum(n or 0 for n in found["line"]["n"]) == found["n"] > 0
    found = detail(parts, 4, "total", "cx_churn_ratio/cohort")
    churns = [v for s, v in page.items() if s.startswith('cx_churned_customers{view="total",window="30d"')]
    assert sum(v or 0 for v in found["line"]["value"]) == sum(churns) > 0
    assert detail(parts, 0, "total", "cx_open_tickets")["line"]["value"] == [
        page['cx_open_tickets{view="total"}']
    ]


def test_what_was_read_is_kept_for_a_while() -> None:
    """Once a minute, and no more than so many."""
    shown = exporter()
    feed(shown, Worker(shown)())
    refresh(shown)
    parts = Payloads(shown)
    for second in range(0, 60 * (MAX_POINTS + 5), 30):
        for _ in parts.timelines.record(NOW + 1000 * second, 5):
            pass
    line = parts.timelines.of(tile("cx_open_tickets"), 0)
    assert len(line) == MAX_POINTS
    assert {b.at - a.at for a, b in pairwise(line)} == {MINUTE}


def test_incomplete_figures_stand_still_and_go() -> None:
    """Tiles show what is served, and the state says why."""
    shown = exporter()
    parts = Payloads(shown)
    worker = Worker(shown)
    assert parts.status(0, "")["domains"]["feedback"]["state"] == "starting"
    feed(shown, worker(answers(3, 10)))
    refresh(shown)
    assert tiles(parts, 1)["cx_nps_score"]["value"] == 100
    refresh(shown, 40_000)
    feed(shown, {"feedback": worker(answers(3, 0))["feedback"]}, 0)
    refresh(shown, 45_000)
    found = tiles(parts, 1)["cx_nps_score"]
    assert (found["value"], found["n"], found["line"][-1]) == (100, 3, 100)
    status = parts.status(45_000, "")
    assert (status["covered"], status["domains"]["feedback"]["state"]) == (0, "stale")
    assert status["domains"]["feedback"]["outage"] == 5
    assert "no checkpoint for 45 s" in status["error"]
    refresh(shown, 40_000 + 600_000)
    assert tiles(parts, 1) == {}
    assert detail(parts, 1, "channel", "cx_nps_score")["value"] is None
    assert parts.status(640_000, "")["domains"]["feedback"]["state"] == "expired"


def test_what_is_looked_at_has_a_tile_all_the_same() -> None:
    """Also while nothing of it was ever counted."""
    shown = exporter()
    feed(shown, Worker(shown)())
    refresh(shown)
    wanted = tile("cx_survey_response_ratio/exit")
    found = tiles(Payloads(shown), 1, wanted)
    assert found["cx_survey_response_ratio/exit"]["value"] is None
    assert found["cx_nps_score"] | {"n": 0, "value": None} == found["cx_nps_score"]


def test_a_breakdown_is_cut_where_it_gets_long() -> None:
    """The largest are shown, the number of others is told."""
    shown = exporter()
    said = [
        Event(
            FeedbackSubmitted(feedback_id=f"{i}-{n}", survey="nps", score=9, touchpoint=f"t{i:03}"), NOW, NOW
        )
        for i in range(MAX_ROWS + 20)
        for n in range(1 + i % 3)
    ]
    feed(shown, Worker(shown)(said))
    refresh(shown)
    found = detail(Payloads(shown), 1, "touchpoint", "cx_nps_score")
    assert (len(found["rows"]), found["more"]) == (MAX_ROWS, 20)
    assert found["rows"][0]["labels"] == ["t002"]
    assert found["rows"][-1]["n"] == 1


def test_what_is_buried_is_counted() -> None:
    """Dead letters are those outcomes that end there."""
    shown = exporter()
    worker = Worker(shown)
    ahead = Event(FeedbackSubmitted(feedback_id="f", survey="nps", score=9), NOW + 10 * MINUTE, NOW)
    feed(shown, worker([*answers(2), *answers(2), ahead]))
    status = Payloads(shown).status(0, "")["domains"]["feedback"]
    assert status["outcomes"] == {"accepted": 2, "duplicate": 2, "future": 1}
    assert status["dead_letters"] == 1


def test_label_values_come_through_as_they_are() -> None:
    """Whatever they are written with."""
    shown = exporter()
    odd = ['"', "\\", 'a"},b="c', "\\n", "é\u2028x", "<b>"]
    said = [
        Event(FeedbackSubmitted(feedback_id=f"r{i}", survey="nps", score=9, channel=text), NOW, NOW)
        for i, text in enumerate(odd)
    ]
    feed(shown, Worker(shown)(said))
    for _ in shown.refresh(0, NOW):
        pass
    rows = detail(Payloads(shown), 1, "channel", "cx_nps_score")["rows"]
    assert sorted(row["labels"][0] for row in rows) == sorted(odd)
    assert all((row["value"], row["n"]) == (100, 1) for row in rows)
