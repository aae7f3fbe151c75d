"""Due flows: contributions at moments ahead of the clock count from their minute on, in every window."""

from itertools import pairwise

import pytest

from stream.core.aggregation.pane_store import PaneStore
from stream.core.metrics.metric import Metric
from stream.core.model.aggregate import Contribution, Deltas, accumulate
from stream.core.windows.label_sets import TOTAL_LABELS
from stream.core.windows.timeline import timeline
from tests.core.windows.windows_model import (
    AGGREGATES,
    DUE_FLOW,
    FLOW,
    WINDOWED,
    KeptReadout,
    metric,
    run,
    samples,
)
from tests.support import DAY, HOUR, MINUTE, NOW, WINDOWS, aggregation_config

CONFIG = aggregation_config()
HOUR_START = NOW // HOUR * HOUR


def read_due(*due: int) -> KeptReadout:
    """Return windows that have read a contribution at each of these times (ms)."""
    panes, readout = PaneStore(CONFIG, AGGREGATES), KeptReadout(CONFIG, 1)
    deltas: Deltas = {}
    empty = (None,) * len(CONFIG.projected_dimensions)
    accumulate(deltas, [Contribution(DUE_FLOW.name, empty, (), at // MINUTE, {0: 1}) for at in due])
    panes.apply_deltas(deltas)
    readout.apply_rows(0, list(panes.changed_rows()))
    return readout


def counts(readout: KeptReadout, now: int) -> list[float]:
    """Return the count in each window at a time (ms)."""
    figures = readout.read_figures(now)
    return [figures["all", TOTAL_LABELS, number].get(("due_flow()0",), 0) for number in range(len(WINDOWS))]


@pytest.mark.parametrize("minute", [7, 15, 44, 59])
def test_a_contribution_counts_from_its_minute_on(minute: int) -> None:
    """Although the quarter and the hour of it have begun, in which windows of flows would count it already."""
    due = HOUR_START + minute * MINUTE
    readout = read_due(due)
    assert counts(readout, HOUR_START) == [0] * 5
    assert counts(readout, due - 1) == [0] * 5
    assert counts(readout, due) == [1] * 5
    assert counts(readout, due + 4 * MINUTE) == [1] * 5
    assert counts(readout, due + 5 * MINUTE) == [0, 1, 1, 1, 1]
    assert counts(readout, due + HOUR) == [0, 0, 1, 1, 1]
    assert counts(readout, due + 25 * HOUR) == [0, 0, 0, 1, 1]


def test_every_minute_of_an_hour_counts_once() -> None:
    """While the clock goes on, and when it is set back."""
    readout = read_due(*(HOUR_START + minute * MINUTE for minute in range(-60, 120)))
    for minute in (*range(0, 61, 5), 30, 0):
        expected = 60 + minute + 1
        assert counts(readout, HOUR_START + minute * MINUTE) == [5, 60, expected, expected, expected]
    run(readout.windows.verify())
    assert readout.windows.repairs == 0


def test_a_wrong_sum_of_two_ranges_is_detected_and_repaired() -> None:
    """The check adds up both before it compares."""
    readout = read_due(NOW - 2 * HOUR, NOW, NOW + 20 * MINUTE)
    assert counts(readout, NOW) == [1, 1, 2, 2, 2]
    sums = readout.windows.shown_sums(DUE_FLOW.name, TOTAL_LABELS)
    assert sums is not None
    sums.accumulate(2, (), {0: 5})
    run(readout.windows.verify())
    assert readout.windows.repairs == 1
    assert counts(readout, NOW) == [1, 1, 2, 2, 2]


@pytest.mark.parametrize("number", range(5))
def test_a_time_line_ends_with_now(number: int) -> None:
    """Each contribution is in the point of its time, and those ahead of the clock are in none."""
    due = [NOW - age for age in (0, 3 * MINUTE, 50 * MINUTE, 5 * HOUR, 6 * DAY, 29 * DAY)]
    readout = read_due(*due, NOW + MINUTE, NOW + 14 * MINUTE, NOW + 50 * MINUTE)
    run(readout.windows.advance(NOW))
    shown: Metric = metric(
        "due", DUE_FLOW, FLOW, read_flows=lambda context, _: samples(WINDOWED, "", context.flow(DUE_FLOW))
    )
    points = [point for point in timeline(readout.windows, shown, TOTAL_LABELS, number) if point is not None]
    ends = [*(after.start for _, after in pairwise(points)), NOW + 1]
    for point, end in zip(points, ends, strict=True):
        assert sum(sample.value for sample in point.samples) == sum(point.start <= at < end for at in due)
