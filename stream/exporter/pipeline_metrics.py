"""Series about the pipeline. They have no view and no window, and are served in every state."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from schemas.topics import DomainName
from stream.core.metrics import REGISTRY
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.outcomes import OUTCOMES
from stream.exporter.exposition import header, line

TOPIC_LABELS: dict[DomainName, str] = {d: f"cx.{d}" for d in ("feedback", "tickets", "customers")}
"""The label `topic`: the default names, also where the topics are configured to have others."""

FAMILIES: dict[str, tuple[str, str]] = {
    "cx_events_total": ("counter", "Records read, by outcome"),
    "cx_records_skipped_total": (
        "counter",
        "Records of unreadable batches that an operator skipped. They have no outcome",
    ),
    "cx_last_event_timestamp_seconds": ("gauge", "Time of the newest accepted event"),
    "cx_event_lag_seconds": (
        "gauge",
        "Now minus the time of the newest accepted event, 0 if that is ahead of this clock",
    ),
    "cx_labels_ignored_total": (
        "counter",
        "Label entries ignored because their name is not configured or their value is invalid",
    ),
    "cx_labels_ignored_by_name_total": (
        "counter",
        "The same by name. Each partition counts its first 20 names, the others as __other__",
    ),
    "cx_unknown_fields_total": (
        "counter",
        "Fields ignored because their event type does not have them. Names are limited as those of labels",
    ),
    "cx_partitions_expected": ("gauge", "Partitions of all input topics"),
    "cx_partitions_covered": ("gauge", "Partitions with a recent checkpoint and a small lag"),
    "cx_checkpoint_age_seconds": (
        "gauge",
        "Seconds since the exporter received the last checkpoint of the partition that is without one for longest",
    ),
    "cx_series": ("gauge", "Served series that have a view"),
    "cx_series_folded_total": ("counter", "Label sets newly folded into __other__"),
    "cx_window_repairs_total": (
        "counter",
        "Window sums corrected by the hourly check. Any value above 0 is a bug",
    ),
    "cx_clock_difference_seconds": (
        "gauge",
        "Difference of a clock from the majority of exporter, workers and broker. Without a majority, from the exporter",
    ),
    "cx_runbook_base_info": ("gauge", "Address of the runbooks, which alerts link to: exporter.runbook_base"),
    "cx_metric_info": ("gauge", "Metrics and the versions of their definitions"),
    "cx_target": (
        "gauge",
        "Target of a figure, from the setting targets. The figure is named by its series and label values",
    ),
    "cx_benchmark": ("gauge", "Benchmark of a figure, from the setting benchmarks"),
    "cx_note_timestamp_seconds": (
        "gauge",
        "Time of a note, for the newest notes that time lines reach. Its dimensions are further labels",
    ),
}
"""Type and help text by name."""


def events(domains: Iterable[tuple[DomainName, list[Checkpoint]]]) -> Iterator[str]:
    """Yield the lines of the records read by outcome, for domains that were covered once."""
    name = "cx_events_total"
    yield header(name, *FAMILIES[name])
    for domain, checkpoints in domains:
        for outcome in OUTCOMES:
            n = sum(checkpoint.outcomes.get(outcome, 0) for checkpoint in checkpoints)
            yield line(name, {"topic": TOPIC_LABELS[domain], "outcome": outcome}, n)


def skipped(domains: Iterable[tuple[DomainName, list[Checkpoint]]]) -> Iterator[str]:
    """Yield the lines of the skipped records, for domains that were covered once."""
    name = "cx_records_skipped_total"
    yield header(name, *FAMILIES[name])
    for domain, checkpoints in domains:
        yield line(
            name, {"topic": TOPIC_LABELS[domain]}, sum(checkpoint.skipped for checkpoint in checkpoints)
        )


def freshness(domains: Iterable[tuple[DomainName, list[Checkpoint]]], now: int) -> Iterator[str]:
    """Yield the lines about the newest accepted event of each topic. `now` is in ms since the epoch."""
    newest = [
        (TOPIC_LABELS[domain], max((checkpoint.max_event_time for checkpoint in checkpoints), default=0))
        for domain, checkpoints in domains
    ]
    name = "cx_last_event_timestamp_seconds"
    yield header(name, *FAMILIES[name])
    yield from (line(name, {"topic": topic}, event_time / 1000) for topic, event_time in newest if event_time)
    name = "cx_event_lag_seconds"
    yield header(name, *FAMILIES[name])
    yield from (
        line(name, {"topic": topic}, max(now - event_time, 0) / 1000)
        for topic, event_time in newest
        if event_time
    )


def ignored(checkpoints: Iterable[Checkpoint]) -> Iterator[str]:
    """Yield the lines of what was ignored in accepted events: labels, and fields that are unknown."""
    labels: Counter[str] = Counter()
    fields: Counter[tuple[str, str]] = Counter()
    for checkpoint in checkpoints:
        labels.update(checkpoint.ignored_labels)
        for kind, counts in checkpoint.unknown_fields.items():
            fields.update({(kind, name): n for name, n in counts.items()})
    yield single("cx_labels_ignored_total", labels.total())
    name = "cx_labels_ignored_by_name_total"
    yield header(name, *FAMILIES[name])
    yield from (line(name, {"label": label}, n) for label, n in sorted(labels.items()))
    name = "cx_unknown_fields_total"
    yield header(name, *FAMILIES[name])
    yield from (line(name, {"type": kind, "field": field}, n) for (kind, field), n in sorted(fields.items()))


def single(name: str, value: float) -> str:
    """Return a family of one series without labels."""
    return header(name, *FAMILIES[name]) + line(name, {}, value)


def clocks(differences: Mapping[str, int]) -> str:
    """Return the differences of clocks, which are in ms, by the clock's name. Ahead is positive."""
    name = "cx_clock_difference_seconds"
    lines = (line(name, {"clock": clock}, ms / 1000) for clock, ms in sorted(differences.items()))
    return header(name, *FAMILIES[name]) + "".join(lines)


def runbooks(base: str) -> str:
    """Return the series that names the address of the runbooks."""
    name = "cx_runbook_base_info"
    return header(name, *FAMILIES[name]) + line(name, {"base": base.rstrip("/")}, 1)


def definitions() -> str:
    """Return the series that name each metric and the version of its definition."""
    name = "cx_metric_info"
    lines = (
        line(name, {"metric": metric.name, "version": str(metric.version)}, 1) for metric in REGISTRY.values()
    )
    return header(name, *FAMILIES[name]) + "".join(lines)
