"""Comparing what the exporter shows with what the story should give."""

import math
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from stream.demo.expected import Series
from stream.demo.servers import Servers
from stream.devbroker.http import get


def shown(text: str) -> dict[Series, float]:
    """The series of a /metrics page."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def label(series: Series) -> str:
    """A series as PromQL writes it."""
    name, labels = series
    return f"{name}{{{','.join(f'{key}={value!r}' for key, value in sorted(labels))}}}".replace("'", '"')


def differences(wanted: Mapping[Series, float], exposed: Mapping[Series, float]) -> list[str]:
    """A line for each figure that is absent or differs by more than rounding."""
    return [
        f"{label(series)}: {value:.10g} was expected, {exposed.get(series, 'nothing')} is shown"
        for series, value in wanted.items()
        if not math.isclose(exposed.get(series, math.nan), value, rel_tol=1e-9, abs_tol=1e-9)
    ]


def wait_for(wanted: Mapping[Series, float], servers: Servers, seconds: float) -> list[str]:
    """Wait until the exporter shows these figures; the differences that are left when the time is up.

    Raises:
        ProcessError: a server has ended
    """
    left: list[str] = []

    def right() -> bool:
        left[:] = differences(wanted, shown(get(servers.ports.exporter, "/metrics").text))
        return not left

    servers.wait(right, seconds)
    return left
