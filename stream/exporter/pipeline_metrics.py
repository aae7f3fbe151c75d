"""The pipeline's own series: no view, no window, always served."""

from collections.abc import Iterable, Iterator

from schemas.topics import DomainName
from stream.core.metrics import REGISTRY
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.outcomes import OUTCOMES
from stream.exporter.exposition import header, line

TOPIC_LABELS: dict[DomainName, str] = {d: f"cx.{d}" for d in ("feedback", "tickets", "customers")}
"""The label `topic`: the default names, whatever the topics are called here."""


FAMILIES: dict[str, tuple[str, str]] = {
    "cx_events_total": ("counter", "Records read, by what became of them"),
    "cx_records_skipped_total": (
        "counter",
        "Records of unreadable batches that were skipped by order: they have no outcome",
    ),
    "cx_last_event_timestamp_seconds": ("gauge", "Time of the newest accepted event"),
    "cx_event_lag_seconds": ("gauge", "Now minus the time of the newest accepted event"),
    "cx_labels_ignored_total": ("counter", "Entries of labels that were not allowed or not usable"),
    "cx_partitions_expected": ("gauge", "Partitions of all inputs"),
    "cx_partitions_covered": ("gauge", "Partitions whose figures are up to date"),
    "cx_series": ("gauge", "Series with a view that are served"),
    "cx_series_folded_total": ("counter", "Label sets newly counted as __other__"),
    "cx_window_repairs_total": (
        "counter",
        "Sums of windows that the hourly check found wrong; anything but 0 is a fault",
    ),
    "cx_metric_info": ("gauge", "Metrics and the versions of their definitions"),
}
"""Type and meaning by name."""


def events(domains: Iterable[tuple[DomainName, list[Checkpoint]]]) -> Iterator[str]:
    """Records read, by outcome: of topics whose every partition is known."""
    name = "cx_events_total"
    yield header(name, *FAMILIES[name])
    for domain, checkpoints in domains:
        for outcome in OUTCOMES:
            n = sum(checkpoint.outcomes.get(outcome, 0) for checkpoint in checkpoints)
            yield line(name, {"topic": TOPIC_LABELS[domain], "outcome": outcome}, n)


def skipped(domains: Iterable[tuple[DomainName, list[Checkpoint]]]) -> Iterator[str]:
    """Records that were skipped: of topics whose every partition is known."""
    name = "cx_records_skipped_total"
    yield header(name, *FAMILIES[name])
    for domain, checkpoints in domains:
        yield line(
            name, {"topic": TOPIC_LABELS[domain]}, sum(checkpoint.skipped for checkpoint in checkpoints)
        )


def freshness(domains: Iterable[tuple[DomainName, list[Checkpoint]]], now: int) -> Iterator[str]:
    """The newest accepted event of each topic."""
    newest = [
        (TOPIC_LABELS[d], max((m.max_event_time for m in checkpoints), default=0))
        for d, checkpoints in domains
    ]
    name = "cx_last_event_timestamp_seconds"
    yield header(name, *FAMILIES[name])
    yield from (line(name, {"topic": topic}, at / 1000) for topic, at in newest if at)
    name = "cx_event_lag_seconds"
    yield header(name, *FAMILIES[name])
    yield from (line(name, {"topic": topic}, (now - at) / 1000) for topic, at in newest if at)


def single(name: str, value: float) -> str:
    """A family of one series without labels."""
    return header(name, *FAMILIES[name]) + line(name, {}, value)


def definitions() -> str:
    """Which metrics there are, by which version of their definition."""
    name = "cx_metric_info"
    lines = (
        line(name, {"metric": metric.name, "version": str(metric.version)}, 1) for metric in REGISTRY.values()
    )
    return header(name, *FAMILIES[name]) + "".join(lines)
