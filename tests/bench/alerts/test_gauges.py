"""The simulator's gauges are those of the core and the exporter, for the same events."""

import re

import pytest

from tests.bench.alerts.needs import require_bench_extra

require_bench_extra()

import numpy as np  # noqa: E402

from stream.core.metrics import BY_DOMAIN  # noqa: E402
from stream.monitoring.evaluation.promql import LabelMatcher, Selector  # noqa: E402
from tests.bench.alerts.families import FAMILIES, SimulatedExporter  # noqa: E402
from tests.bench.alerts.promql import STEP  # noqa: E402
from tests.bench.alerts.published import ORIGIN, published  # noqa: E402
from tests.bench.alerts.special_days import DAY, HOUR, WARM_UP_DAYS  # noqa: E402
from tests.bench.alerts.traffic import CUSTOMERS, generate  # noqa: E402
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh  # noqa: E402
from tests.support import WINDOWS  # noqa: E402

SCALE = 0.03
MOMENTS = (
    32 * DAY + 9.5 * HOUR,
    33 * DAY + 19 * HOUR,
    35 * DAY + 10 * HOUR + 35,
    38 * DAY + 12.25 * HOUR,
    WARM_UP_DAYS * DAY + 23 * HOUR + 1795,
)
"""Some of them at the edge of a minute and of a quarter of an hour."""
TOLERANCES = {"cx_handle_seconds": 0.01, "cx_handle_mean_seconds": 1e-5}
"""The exporter's quantiles are within 1 %, and durations are whole milliseconds."""
NOT_COMPARABLE = {"cx_reopenings", "cx_active_customers", "cx_opening_customers", "cx_churn_ratio"}
"""Published tickets are not reopened, and customers are drawn."""
STOCKS = {"cx_waiting_over_target_tickets", "cx_waiting_tickets", "cx_cancel_scheduled_customers"}
SERVED = {family.name for metrics in BY_DOMAIN.values() for metric in metrics for family in metric.families}


@pytest.fixture(scope="module")
def readings() -> list[tuple[float, dict[frozenset[str], float]]]:
    """Return the exporter's series at each moment."""
    traffic = generate(3, weeks=1, scale=SCALE)
    events = published(traffic, int(CUSTOMERS * SCALE * 2))
    state = exporter()
    worker = Worker(state)
    position, result = 0, []
    for moment in MOMENTS:
        now = round((ORIGIN + moment) * 1000)
        first = position
        while position < len(events) and events[position].stamp < now:
            position += 1
        apply_records(state, worker(events[first:position], now), monotonic_ms=now)
        series = refresh(state, now, now)
        result.append((moment, {key_of(name): value for name, value in series.items()}))
    return result


def key_of(series: str) -> frozenset[str]:
    """Return the name and the labels of a series in any order."""
    name, _, labels = series.partition("{")
    return frozenset({name, *re.findall(r'\w+="[^"]*"', labels)})


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() & SERVED - NOT_COMPARABLE))
def test_gauges_equal_those_of_the_exporter(
    name: str, readings: list[tuple[float, dict[frozenset[str], float]]]
) -> None:
    simulated = SimulatedExporter(generate(3, weeks=1, scale=SCALE))
    windows = "|".join(window.label for window in WINDOWS)
    compared = 0
    for moment, served in readings:
        ticks = np.array([round(moment / STEP)])
        for series in simulated.series(Selector(name, (LabelMatcher("window", "=~", f"{windows}|"),)), ticks):
            labels = {
                key: value
                for key, value in series.labels.items()
                if key not in {"__name__", "job", "instance"}
            }
            key = frozenset({name, *(f'{label}="{value}"' for label, value in labels.items())})
            value = float(series.values[0])
            assert served.get(key, 0.0) == pytest.approx(
                0.0 if np.isnan(value) else value, rel=TOLERANCES.get(name, 1e-9), abs=1e-9
            ), (moment, labels)
            compared += value > 0
    assert compared > (0 if name in STOCKS else 20)
