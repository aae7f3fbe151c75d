"""The simulator's series of the detectors are those of the core and the exporter, for the same events."""

import re

import pytest

from tests.bench.alerts.needs import require_bench_extra

require_bench_extra()

import numpy as np  # noqa: E402

from stream.monitoring.evaluation.promql import Selector  # noqa: E402
from tests.bench.alerts.detection import FIELDS, SimulatedDetections  # noqa: E402
from tests.bench.alerts.families import SimulatedExporter  # noqa: E402
from tests.bench.alerts.incidents import INCIDENTS  # noqa: E402
from tests.bench.alerts.promql import STEP  # noqa: E402
from tests.bench.alerts.published import ORIGIN, published  # noqa: E402
from tests.bench.alerts.special_days import DAY, HOUR  # noqa: E402
from tests.bench.alerts.traffic import CUSTOMERS, generate  # noqa: E402
from tests.bench.alerts.vectors import unnamed  # noqa: E402
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh  # noqa: E402

SCALE = 0.05
AT = 43 * DAY + 10 * HOUR
"""When the incidents begin, in seconds."""
SIMULTANEOUS = ("10 leavers, app", "40 late replies, app", "NPS -94", "CSAT -50", "handle time doubled")
MOMENTS = (AT - 115, AT + 545, AT + 3 * HOUR + 15, AT + 60 * HOUR + 1795)
NOT_PUBLISHED = "reopenings"
"""Published tickets are not reopened."""


def test_findings_are_those_that_the_exporter_serves() -> None:
    traffic = generate(4, weeks=1, scale=SCALE)
    for incident in SIMULTANEOUS:
        traffic = INCIDENTS[incident].change(traffic, AT, np.random.default_rng(3))
    events = published(traffic, int(CUSTOMERS * SCALE * 2))
    state = exporter()
    worker = Worker(state)
    ticks = [round(moment / STEP) for moment in MOMENTS]
    simulated = SimulatedExporter(
        traffic, SimulatedDetections(traffic, ticks[0] - DAY // STEP, ticks[-1] + 1)
    )
    position, detectors = 0, set()
    for tick in ticks:
        now = (ORIGIN + tick * STEP) * 1000
        first = position
        while position < len(events) and events[position].stamp < now:
            position += 1
        apply_records(state, worker(events[first:position], now), monotonic_ms=now)
        served = {
            key_of(name): value for name, value in refresh(state, now, now).items() if "cx_unusual" in name
        }
        expected = {}
        for name in FIELDS:
            for series in simulated.series(Selector(name, ()), np.array([tick])):
                labels = {k: v for k, v in unnamed(series.labels).items() if k not in {"job", "instance"}}
                if np.isfinite(series.values[0]) and labels["of"] != NOT_PUBLISHED:
                    expected[frozenset({name, *(f'{k}="{v}"' for k, v in labels.items())})] = series.values[0]
                    detectors.add(labels["of"])
        assert served == pytest.approx(expected, rel=1e-3), tick
    assert detectors >= {"leaving", "answers_late", "nps", "csat", "handle_time"}


def key_of(series: str) -> frozenset[str]:
    """Return the name and the labels of a series in any order."""
    name, _, labels = series.partition("{")
    return frozenset({name, *re.findall(r'\w+="[^"]*"', labels)})
