"""The series about unusual figures, from events to the exposition."""

import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackSubmitted
from stream.exporter.state import ExporterState
from stream.exporter.unusual import FAMILIES
from tests.exporter.in_memory import Worker, apply_records, compacted, exporter, refresh
from tests.support import DAY, HOUR, MINUTE, NOW, Event, FakeRecord

Series = dict[str, float]


def _churn(name: str, at: int) -> tuple[Event, Event]:
    """Return the events of a customer whose payment failed."""
    return (
        Event(CustomerActivated(customer_id=name, channel="app"), at - 90 * DAY, at - 90 * DAY),
        Event(CustomerChurned(customer_id=name, voluntary=False), at, at),
    )


@cache
def _quiet() -> tuple[Event, ...]:
    """Return 30 days with a failed payment every eight hours."""
    times = range(NOW - 30 * DAY, NOW - DAY, 8 * HOUR)
    return tuple(sorted((event for at in times for event in _churn(f"q{at}", at)), key=lambda e: e.stamp))


SPIKE = [event for n in range(9) for event in _churn(f"s{n}", NOW - n * MINUTE)]


def _unusual(series: Series) -> Series:
    return {name: value for name, value in series.items() if name.startswith("cx_unusual_")}


def _served(state: ExporterState, written: Iterable[dict[str, list[FakeRecord]]]) -> Series:
    for records in written:
        apply_records(state, records)
    return _unusual(refresh(state))


def test_a_spike_is_served_with_view_labels_and_of() -> None:
    """Nine failed payments within nine minutes, where one in eight hours is expected."""
    state = exporter()
    worker = Worker(state)
    assert _served(state, [worker(_quiet())]) == {}
    series = _served(state, [worker(SPIKE)])
    total, app = '{view="total",of="payment_churn"}', '{view="channel",channel="app",of="payment_churn"}'
    assert series.keys() == {f"{name}{labels}" for name in FAMILIES for labels in (total, app)}
    for labels in (total, app):
        assert series[f"cx_unusual_events{labels}"] == 9
        assert series[f"cx_unusual_window_seconds{labels}"] == 3600
        assert 0 < series[f"cx_unusual_baseline_events{labels}"] <= 1  # one came 28 days ago
        assert series[f"cx_unusual_by_chance_per_month{labels}"] < 1


@pytest.mark.tools
def test_promtool_reports_nothing(require: Callable[[str], Path]) -> None:
    """`promtool check metrics` accepts them."""
    state = exporter()
    assert _served(state, [Worker(state)([*_quiet(), *SPIKE])])
    command = [require("promtool"), "check", "metrics"]
    result = subprocess.run(command, input=state.exposition.plain, capture_output=True, check=False)
    assert (result.returncode, result.stderr.decode()) == (0, "")


def test_replicas_and_restarts_serve_the_same() -> None:
    """One reads all at once, another refreshes in between, and one reads compacted topics."""
    first = exporter()
    worker = Worker(first)
    written = [worker(_quiet()), worker(SPIKE[:8]), worker(SPIKE[8:])]
    at_once = _served(first, written)
    stepwise = exporter()
    for records in written:
        last = _served(stepwise, [records])
    assert at_once
    assert at_once == last == _served(exporter(), [compacted(written)])


def test_a_finding_is_removed_when_it_is_over() -> None:
    state = exporter()
    worker = Worker(state)
    assert _served(state, [worker([*_quiet(), *SPIKE])])
    for _ in range(2):
        apply_records(state, worker(clock=NOW + 2 * DAY))
    assert _unusual(refresh(state, wall_ms=NOW + 2 * DAY)) == {}


def test_findings_stand_still_with_their_domain_and_go_with_it() -> None:
    """A domain that is not covered keeps its values for ten minutes."""
    state = exporter()
    worker = Worker(state)
    before = _served(state, [worker([*_quiet(), *SPIKE])])
    assert before
    assert _unusual(refresh(state, 40_000, NOW + DAY)) == before
    assert _unusual(refresh(state, 40_000 + 600_000, NOW + DAY)) == {}


def test_a_drop_of_the_score_names_its_detractors() -> None:
    """Forty detractors within three hours, after a month of promoters and some detractors."""
    state = exporter()
    month = [(10 if n % 5 else 3, NOW - DAY - n * HOUR) for n in range(600)]
    drop = [(0, NOW - n * 4 * MINUTE) for n in range(40)]
    answers = [
        Event(FeedbackSubmitted(feedback_id=f"f{at}", survey="nps", score=score, channel="web"), at, at)
        for score, at in sorted(month + drop, key=lambda answer: answer[1])
    ]
    series = _served(state, [Worker(state)(answers)])
    assert series['cx_unusual_events{view="total",of="nps"}'] == 40
    assert series['cx_unusual_events{view="channel",channel="web",of="nps"}'] == 40
    assert series['cx_unusual_baseline_events{view="total",of="nps"}'] < 10
