"""Comparison of exposed metrics with the expected values of the story."""

import math
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from stream.demo.expected import Series
from stream.demo.servers import Servers
from stream.devbroker.http import get


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
