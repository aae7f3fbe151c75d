"""Figures of real tickets and calls, computed independently, in order and shuffled."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import pytest

from schemas.times import to_ms
from stream.core.metrics import aht, first_response, resolution
from stream.core.model.time_buckets import Window
from tests.core.aggregation.tickets.events import counted, created, handled, message, metric_figures, status
from tests.support import DAY, WINDOWS, Event

pytestmark = pytest.mark.data
YEARS = Window("10y", 3650 * DAY)
XES = "{http://www.xes-standard.org/}"
Case = list[tuple[str, int]]


@pytest.fixture(scope="module")
def cases(data_folder: Path) -> dict[str, Case]:
    """Return the activities of each case of the help-desk log with their times in ms, in order."""
    by_case: dict[str, Case] = defaultdict(list)
    with gzip.open(data_folder / "helpdesk_italian" / "helpdesk.xes.gz") as file:
        for trace in ET.parse(file).getroot().iter(XES + "trace"):  # noqa: S314 - a file that we brought
            name = next(
                c.get("value") for c in trace.findall(XES + "string") if c.get("key") == "concept:name"
            )
            for event in trace.iter(XES + "event"):
                fields = {child.get("key"): child.get("value") for child in event}
                at = datetime.fromisoformat(str(fields["time:timestamp"]))
                by_case[str(name)].append((str(fields["concept:name"]), to_ms(at)))
    return by_case


def ticket_events(cases: dict[str, Case]) -> list[Event]:
    """Convert cases to events: the first activity creates the ticket, a take is a message, a resolve a solve."""
    events = []
    for case, steps in cases.items():
        events.append(created(steps[0][1], case))
        for activity, at in steps:
            if activity == "Take in charge ticket":
                events.append(message(at, ticket=case))
            elif activity == "Resolve ticket":
                events.append(status(at, "solved", case))
    return events


def nearest_rank(values: list[int], q: float) -> float:
    return sorted(values)[ceil(q * len(values)) - 1] / 1000


@pytest.mark.parametrize("seed", [None, 1])
def test_figures_of_the_help_desk_log(cases: dict[str, Case], seed: int | None) -> None:
    """Mean first response 351,339 s of 4,285, mean first resolution 266.9 h of 4,569, in any order."""
    events = ticket_events(cases)
    now = max(event.at for event in events)
    if seed is None:
        events.sort(key=lambda event: event.at)
    else:
        Random(seed).shuffle(events)
        events = [event._replace(stamp=now) for event in events]
    partition = counted(events, windows=(*WINDOWS, YEARS))
    figures = metric_figures(first_response.METRIC, partition, now, "10y")
    figures |= metric_figures(resolution.METRIC, partition, now, "10y")
    waits = [
        min(at for activity, at in steps if activity == "Take in charge ticket") - steps[0][1]
        for steps in cases.values()
        if "Take in charge ticket" in dict(steps)
    ]
    assert figures["cx_first_responses",] == len(waits) == 4285
    assert figures["cx_first_response_mean_seconds",] == pytest.approx(351_339, abs=0.5)
    for quantile in ("0.5", "0.9", "0.99"):
        exact = nearest_rank(waits, float(quantile))
        assert figures["cx_first_response_seconds", quantile] == pytest.approx(exact, rel=0.01)
    assert figures["cx_resolved_tickets", "first"] == 4569
    assert figures["cx_resolution_mean_seconds", "first"] / 3600 == pytest.approx(266.9, abs=0.05)
    assert figures["cx_resolution_seconds", "first", "0.5"] / 3600 == pytest.approx(143.6, rel=0.01)
    assert figures["cx_resolution_seconds", "first", "0.9"] / 3600 == pytest.approx(716.9, rel=0.01)
    assert figures["cx_open_tickets",] == len(cases) - 4569
    assert figures["cx_reopenings",] == 0


def test_handle_times_of_the_bank_calls(data_folder: Path) -> None:
    """Mean handle time 394.4 s of 1,552 calls."""
    events = []
    with (data_folder / "bank_call_center_1999" / "december_sample.csv").open(newline="") as file:
        for n, row in enumerate(csv.DictReader(file)):
            hours, minutes, seconds = map(int, row["ser_exit"].split(":"))
            day = datetime.strptime(row["date"], "%y%m%d").replace(tzinfo=UTC)
            ended = day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
            events.append(handled(to_ms(ended), float(row["ser_time"]), interaction_id=f"call {n}"))
    events.sort(key=lambda event: event.at)
    now = events[-1].at
    figures = metric_figures(
        aht.METRIC, counted(events, windows=(*WINDOWS, Window("40d", 40 * DAY))), now, "40d"
    )
    assert figures["cx_handled_interactions",] == 1552
    assert figures["cx_handle_mean_seconds",] == pytest.approx(394.4, abs=0.05)
    assert figures["cx_handle_seconds", "0.5"] == pytest.approx(225, rel=0.01)
