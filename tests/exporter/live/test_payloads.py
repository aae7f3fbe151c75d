"""Payloads of the live page, compared with `/metrics`."""

from itertools import pairwise
from typing import Any

import orjson
import pytest

from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketStatus
from stream.core.metrics.headlines import HEADLINES, Tile, decode
from stream.exporter.live.payloads import MAX_ROWS, Payloads, Selection
from stream.exporter.live.timelines import MAX_POINTS
from stream.exporter.state import ExporterState
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.exporter.live.live_exporter import shop_events
from tests.support import MINUTE, NOW, Event

WINDOWS = ("5m", "1h", "24h", "7d", "30d")


def tile_named(name: str) -> Tile:
    """Return the tile with this name."""
    tile = decode(name)
    assert tile is not None
    return tile


def tiles_by_name(payloads: Payloads, window_index: int, *extra_tiles: Tile) -> dict[str, dict[str, Any]]:
    """Return the tiles of a window by name."""
    output: list[bytes] = []
    for _ in payloads.timelines.update(window_index, 0):
        pass
    for _ in payloads.tiles(window_index, extra_tiles, output):
        pass
    return {tile["id"]: tile for tile in orjson.loads(output[0])["tiles"]}


def detail(payloads: Payloads, window_index: int, view: str, name: str) -> dict[str, Any]:
    """Return the detail payload of a tile."""
    output: list[bytes] = []
    for _ in payloads.timelines.update(window_index, 0):
        pass
    for _ in payloads.detail(Selection(window_index, view, tile_named(name)), output):
        pass
    detail_payload: dict[str, Any] = orjson.loads(output[0])
    return detail_payload


@pytest.fixture(scope="module")
def shop_exporter() -> tuple[ExporterState, dict[str, float]]:
    """Return an exporter of a shop and its series."""
    state = exporter()
    apply_records(state, Worker(state)(shop_events()))
    return state, refresh(state)


@pytest.mark.parametrize("window_index", range(5))
def test_tiles_equal_the_exposition(
    shop_exporter: tuple[ExporterState, dict[str, float]], window_index: int
) -> None:
    """Value and bounds equal the series, n is the sum of its counts.

    Every headline with events has a tile.
    """
    state, series = shop_exporter
    tiles = tiles_by_name(Payloads(state), window_index)
    for tile in tiles.values():
        assert series.get(tile["series"]) == tile["value"]
        headline = HEADLINES[tile["headline"]].headline
        for bound in ("low", "high"):
            family = getattr(headline, bound)
            if family is not None:
                assert tile[bound] == series.get(tile["series"].replace(headline.family.name, family.name))
    window = f'view="total",window="{WINDOWS[window_index]}"'
    categories = ("promoter", "passive", "detractor")
    n = sum(series[f'cx_nps_responses{{{window},category="{category}"}}'] for category in categories)
    assert tiles["cx_nps_score"]["n"] == n
    assert (
        tiles["cx_survey_response_ratio/csat"]["n"] == series[f'cx_survey_offered{{{window},survey="csat"}}']
    )
    assert tiles["cx_retention_ratio/cohort"]["n"] == series[f"cx_opening_customers{{{window}}}"]
    assert tiles["cx_clv_historical_mean/all/EUR"]["value"] > 0
    assert {HEADLINES[tile["headline"]].metric.name for tile in tiles.values()} == {
        registered.metric.name for registered in HEADLINES
    } - {"business_hours"}


@pytest.mark.parametrize("name", ["cx_nps_score", "cx_first_response_seconds/0.9", "cx_waiting_tickets"])
def test_breakdowns_equal_the_exposition(
    shop_exporter: tuple[ExporterState, dict[str, float]], name: str
) -> None:
    """A breakdown has a row for each label set, sorted by sample size."""
    state, series = shop_exporter
    detail_payload = detail(Payloads(state), 3, "channel", name)
    family = name.partition("/")[0]
    rows = {row["labels"][0]: row["value"] for row in detail_payload["rows"]}
    assert len(rows) == len(detail_payload["rows"])
    for channel, value in rows.items():
        series_name = detail_payload["series"].replace('view="total"', f'view="channel",channel="{channel}"')
        assert series[series_name] == value
    quantile = 'quantile="0.9"' if "/" in name else ""
    served = [s for s in series if s.startswith(f'{family}{{view="channel"') and quantile in s]
    assert len([s for s in served if 'window="7d"' in s or "window" not in s]) == len(rows) > 1
    sizes = [row["n"] if row["n"] is not None else row["value"] for row in detail_payload["rows"]]
    assert sizes == sorted(sizes, reverse=True)


def test_time_lines_sum_to_the_figure(shop_exporter: tuple[ExporterState, dict[str, float]]) -> None:
    """The n of the points sum to the n of the window. The last point of a recorded figure is the figure."""
    state, series = shop_exporter
    payloads = Payloads(state)
    for _ in payloads.timelines.record(NOW, 5):
        pass
    for name in (
        "cx_nps_score",
        "cx_first_response_seconds/0.9",
        "cx_survey_response_ratio/nps",
        "cx_handle_mean_seconds",
    ):
        detail_payload = detail(payloads, 4, "total", name)
        assert sum(n or 0 for n in detail_payload["line"]["n"]) == detail_payload["n"] > 0
    detail_payload = detail(payloads, 4, "total", "cx_churn_ratio/cohort")
    churns = [v for s, v in series.items() if s.startswith('cx_churned_customers{view="total",window="30d"')]
    assert sum(v or 0 for v in detail_payload["line"]["value"]) == sum(churns) > 0
    assert detail(payloads, 0, "total", "cx_open_tickets")["line"]["value"] == [
        series['cx_open_tickets{view="total"}']
    ]


def test_recorded_points_are_limited() -> None:
    """A point is recorded once a minute, up to a limit."""
    state = exporter()
    apply_records(state, Worker(state)())
    refresh(state)
    payloads = Payloads(state)
    for second in range(0, 60 * (MAX_POINTS + 5), 30):
        for _ in payloads.timelines.record(NOW + 1000 * second, 5):
            pass
    points = payloads.timelines.of(tile_named("cx_open_tickets"), 0)
    assert len(points) == MAX_POINTS
    assert {b.at - a.at for a, b in pairwise(points)} == {MINUTE}


def test_figures_of_a_stale_partition_are_held_then_removed() -> None:
    """Tiles show the held figures, and the state has the reason."""
    state = exporter()
    payloads = Payloads(state)
    worker = Worker(state)
    assert payloads.status(0, "")["domains"]["feedback"]["state"] == "starting"
    apply_records(state, worker(answers(3, 10)))
    refresh(state)
    assert tiles_by_name(payloads, 1)["cx_nps_score"]["value"] == 100
    refresh(state, 40_000)
    apply_records(state, {"feedback": worker(answers(3, 0))["feedback"]}, 0)
    refresh(state, 45_000)
    detail_payload = tiles_by_name(payloads, 1)["cx_nps_score"]
    assert (detail_payload["value"], detail_payload["n"], detail_payload["line"][-1]) == (100, 3, 100)
    status = payloads.status(45_000, "")
    assert (status["covered"], status["domains"]["feedback"]["state"]) == (0, "stale")
    assert status["domains"]["feedback"]["outage"] == 5
    assert "no checkpoint for 45 s" in status["error"]
    refresh(state, 40_000 + 600_000)
    assert tiles_by_name(payloads, 1) == {}
    assert detail(payloads, 1, "channel", "cx_nps_score")["value"] is None
    assert payloads.status(640_000, "")["domains"]["feedback"]["state"] == "expired"


def test_a_selected_tile_is_shown_without_events() -> None:
    """A selected tile without events has no value."""
    state = exporter()
    apply_records(state, Worker(state)())
    refresh(state)
    extra_tile = tile_named("cx_survey_response_ratio/exit")
    tiles = tiles_by_name(Payloads(state), 1, extra_tile)
    assert tiles["cx_survey_response_ratio/exit"]["value"] is None
    assert tiles["cx_nps_score"] | {"n": 0, "value": None} == tiles["cx_nps_score"]


def test_a_long_breakdown_is_truncated() -> None:
    """The largest rows are shown, the others counted."""
    state = exporter()
    events = [
        Event(
            FeedbackSubmitted(feedback_id=f"{i}-{n}", survey="nps", score=9, touchpoint=f"t{i:03}"), NOW, NOW
        )
        for i in range(MAX_ROWS + 20)
        for n in range(1 + i % 3)
    ]
    apply_records(state, Worker(state)(events))
    refresh(state)
    detail_payload = detail(Payloads(state), 1, "touchpoint", "cx_nps_score")
    assert (len(detail_payload["rows"]), detail_payload["more"]) == (MAX_ROWS, 20)
    assert detail_payload["rows"][0]["labels"] == ["t002"]
    assert detail_payload["rows"][-1]["n"] == 1


def test_dead_letters_are_counted() -> None:
    """Dead letters are the sum of their outcomes."""
    state = exporter()
    worker = Worker(state)
    future = Event(FeedbackSubmitted(feedback_id="f", survey="nps", score=9), NOW + 10 * MINUTE, NOW)
    apply_records(state, worker([*answers(2), *answers(2), future]))
    status = Payloads(state).status(0, "")["domains"]["feedback"]
    assert status["outcomes"] == {"accepted": 2, "duplicate": 2, "future": 1}
    assert status["dead_letters"] == 1


def test_label_values_are_unchanged() -> None:
    """Label values may contain any characters."""
    state = exporter()
    label_values = ['"', "\\", 'a"},b="c', "\\n", "é\u2028x", "<b>"]
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{i}", survey="nps", score=9, channel=text), NOW, NOW)
        for i, text in enumerate(label_values)
    ]
    apply_records(state, Worker(state)(events))
    for _ in state.refresh(0, NOW):
        pass
    rows = detail(Payloads(state), 1, "channel", "cx_nps_score")["rows"]
    assert sorted(row["labels"][0] for row in rows) == sorted(label_values)
    assert all((row["value"], row["n"]) == (100, 1) for row in rows)


def test_the_sample_size_of_waits_is_the_number_of_tickets_resolved_now() -> None:
    """The tickets resolved for the first time are not added to it."""
    state = exporter()
    tickets = [
        Event(data, NOW, NOW, f"e{n}")
        for n, data in enumerate(
            (
                TicketCreated(ticket_id="t"),
                TicketStatus(ticket_id="t", status="solved"),
                TicketCreated(ticket_id="u"),
                TicketStatus(ticket_id="u", status="solved"),
            )
        )
    ]
    apply_records(state, Worker(state)(tickets))
    refresh(state)
    tile = tiles_by_name(Payloads(state), 1)["cx_requester_wait_mean_seconds"]
    assert (tile["value"], tile["n"]) == (0, 2)


def test_a_tile_has_the_window_before_and_the_change() -> None:
    """Equal to the series, with a test where the answers suffice for one. A window without one before has none."""
    state = exporter()
    given = [(50, 10, 90), (10, 0, 91), (30, 10, 5), (30, 0, 6)]  # number, score, age in minutes
    events = [
        event for n, score, age in given for event in answers(n, score, NOW - age * MINUTE, channel="web")
    ]
    apply_records(state, Worker(state)(events))
    series = refresh(state)
    tile = tiles_by_name(Payloads(state), 1)["cx_nps_score"]
    assert (tile["value"], tile["n"]) == (0, 60)
    assert (
        tile["before"] == series['cx_nps_score_previous{view="total",window="1h"}'] == pytest.approx(200 / 3)
    )
    assert tile["n_before"] == 60
    assert tile["change"]["difference"] == pytest.approx(-200 / 3)
    assert tile["change"]["low"] < -200 / 3 < tile["change"]["high"] < 0
    assert tile["verdict"] == "worse"
    shown = detail(Payloads(state), 1, "channel", "cx_nps_score")
    assert {name: shown[name] for name in ("before", "n_before", "change", "verdict")} == {
        name: tile[name] for name in ("before", "n_before", "change", "verdict")
    }
    day = tiles_by_name(Payloads(state), 2)["cx_nps_score"]
    assert (day["before"], day["n_before"], day["change"]) == (None, None, None)
