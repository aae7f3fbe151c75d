"""The pipeline's own series: no view, no window, always served."""

from collections.abc import Iterable, Iterator

from stream.core.book import OUTCOMES
from stream.core.domain import Name
from stream.core.marker import Marker
from stream.core.metrics import REGISTRY
from stream.exporter.page import header, line

TOPIC: dict[Name, str] = {d: f"cx.{d}" for d in ("feedback", "tickets", "customers")}
"""The label `topic`: the default names, whatever the topics are called here."""


def events(domains: Iterable[tuple[Name, list[Marker]]]) -> Iterator[str]:
    """Records read, by outcome: of topics whose every partition is known."""
    yield header("cx_events_total", "counter", "Records read, by what became of them")
    for domain, markers in domains:
        for outcome in OUTCOMES:
            n = sum(marker.outcomes.get(outcome, 0) for marker in markers)
            yield line("cx_events_total", {"topic": TOPIC[domain], "outcome": outcome}, n)


def freshness(domains: Iterable[tuple[Name, list[Marker]]], now: int) -> Iterator[str]:
    """The newest accepted event of each topic."""
    newest = [(TOPIC[d], max((m.newest for m in markers), default=0)) for d, markers in domains]
    name = "cx_last_event_timestamp_seconds"
    yield header(name, "gauge", "Time of the newest accepted event")
    yield from (line(name, {"topic": topic}, at / 1000) for topic, at in newest if at)
    name = "cx_event_lag_seconds"
    yield header(name, "gauge", "Now minus the time of the newest accepted event")
    yield from (line(name, {"topic": topic}, (now - at) / 1000) for topic, at in newest if at)


def single(name: str, kind: str, text: str, value: float) -> str:
    """A family of one series without labels."""
    return header(name, kind, text) + line(name, {}, value)


def definitions() -> str:
    """Which metrics there are, by which version of their definition."""
    lines = (
        line("cx_metric_info", {"metric": metric.name, "version": str(metric.version)}, 1)
        for metric in REGISTRY.values()
    )
    return header("cx_metric_info", "gauge", "Metrics and the versions of their definitions") + "".join(lines)
