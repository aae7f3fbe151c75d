"""Comparison of exposed metrics with the expected values of the story."""

import math
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from stream.demo.departures import CHURN_RATES, SATISFIED_RATES
from stream.demo.expected import Series, series
from stream.devbroker.http import get
from stream.standalone.servers import Servers


def parse_metrics(text: str) -> dict[Series, float]:
    """Return the values in a text of `/metrics` by series."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def format_series(series: Series) -> str:
    """Format a series as a PromQL selector."""
    name, labels = series
    return f"{name}{{{','.join(f'{key}={value!r}' for key, value in sorted(labels))}}}".replace("'", '"')


def differences(wanted: Mapping[Series, float], exposed: Mapping[Series, float]) -> list[str]:
    """Return a line for each value that is absent or differs by more than rounding."""
    return [
        f"{format_series(series)}: expected {value:.10g}, got {exposed.get(series, 'no value')}"
        for series, value in wanted.items()
        if not math.isclose(exposed.get(series, math.nan), value, rel_tol=1e-9, abs_tol=1e-9)
    ]


def rates_outside_bounds(exposed: Mapping[Series, float]) -> list[str]:
    """Return a line for each hidden rate of the story that is not within the exposed 95 % bounds, in total of 30 d.

    The rates are those by which customers leave and are satisfied with tickets. The story is the same on every run, so is
    its luck.
    """
    hidden = [
        *(
            ("cx_class_churn_ratio", {"survey": "nps", "class": name}, rate)
            for name, rate in CHURN_RATES.items()
        ),
        *(("cx_ticket_csat_ratio", {"first_response": fate}, rate) for fate, rate in SATISFIED_RATES.items()),
    ]
    lines = []
    for name, labels, rate in hidden:
        low, high = (
            exposed.get(series(f"{name}_{end}", view="total", window="30d", **labels), math.nan)
            for end in ("low", "high")
        )
        if not low <= rate <= high:
            shown = format_series(series(name, view="total", window="30d", **labels))
            lines.append(f"{shown}: the hidden rate {rate} is not within its bounds {low:.4f} to {high:.4f}")
    return lines


def wait_for(wanted: Mapping[Series, float], servers: Servers, seconds: float) -> list[str]:
    """Wait up to `seconds` until the exporter exposes these values. Return the remaining differences.

    Raises:
        ProcessError: a server has ended by itself
    """
    wrong: list[str] = []

    def all_match() -> bool:
        wrong[:] = differences(wanted, parse_metrics(get(servers.ports.exporter, "/metrics").text))
        return not wrong

    servers.wait(all_match, seconds)
    return wrong
