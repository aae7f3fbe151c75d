"""The dashboard of the pipeline: its state as seen by exporters, and its workers."""

from collections.abc import Iterator

from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.monitoring.alerts.rules.pipeline import PIPELINE
from stream.monitoring.dashboards.dashboard import query_variable
from stream.monitoring.dashboards.query import JOB
from stream.monitoring.dashboards.widgets import Json, PanelStyle, Query, chart, row, stat, table
from stream.resources.series import DISK_AVAILABLE, DISK_SIZE, EXPIRY, MEMORY_AVAILABLE, MEMORY_LIMIT

WORKERS = 'job="$workers"'
DEAD = f'outcome=~"{"|".join(DEAD_LETTER_OUTCOMES)}"'
RATE = "[$__rate_interval]"


def variables() -> Iterator[Json]:
    """Yield the variables for the job of the exporters and that of the workers."""
    yield query_variable("job", "label_values(cx_partitions_expected, job)")
    yield query_variable("workers", "label_values(cxgauge_flushes_total, job)")


def health() -> Iterator[Json]:
    """Yield the panels about completeness and freshness, which the overview begins with too."""
    covered = PanelStyle(
        "Partitions covered",
        "If fewer than expected, metrics are frozen and later removed. /readyz of the exporter names the reasons."
        + _runbook("CxFiguresIncomplete"),
    )
    yield stat(
        covered,
        [
            Query(f"max(cx_partitions_covered{{{JOB}}})", "covered"),
            Query(f"max(cx_partitions_expected{{{JOB}}})", "expected"),
        ],
    )
    lag = PanelStyle(
        "Time since the newest event",
        "Now minus the time of the newest accepted event, by topic." + _runbook("CxFeedStalled"),
        "s",
    )
    yield stat(lag, [Query(_of_replicas("cx_event_lag_seconds"), "{{topic}}")], width=12)
    dead = PanelStyle(
        "Dead letters, last hour",
        "Records that could not be processed in the last hour. They are in cx.deadletter."
        + _runbook("CxDeadLetters"),
    )
    dead_letters = _of_replicas("cx_events_total", DEAD, "increase", "[1h]")
    yield stat(dead, [Query(f"sum({dead_letters})", "records")])


def panels() -> Iterator[Json]:
    """Yield all panels."""
    yield from health()
    yield row("Exporters")
    yield chart(
        PanelStyle("Partitions not covered", "Partitions by exporter.", min=0),
        [Query(f"cx_partitions_expected{{{JOB}}} - cx_partitions_covered{{{JOB}}}", "{{instance}}")],
    )
    yield chart(
        PanelStyle("Records read", "Records per second, by topic and outcome.", min=0),
        [Query(_of_replicas("cx_events_total", "", "rate", RATE), "{{topic}} {{outcome}}")],
    )
    yield chart(
        PanelStyle(
            "Series",
            "Served series that have a view, by exporter. Above exporter.max_series, label sets are folded."
            + _runbook("CxSeriesFolded"),
            min=0,
        ),
        [Query(f"cx_series{{{JOB}}}", "{{instance}}")],
    )
    yield chart(
        PanelStyle(
            "Folded, ignored, skipped and repaired",
            "Per hour: label sets folded into __other__, label entries and unknown fields ignored, records skipped by an "
            "operator, and window sums repaired, which indicates a bug." + _runbook("CxWindowRepaired"),
        ),
        [
            Query(f"increase(cx_series_folded_total{{{JOB}}}[1h])", "folded {{instance}}"),
            Query(_of_replicas("cx_labels_ignored_total", "", "increase", "[1h]"), "labels ignored"),
            Query(
                f"sum by (type) ({_of_replicas('cx_unknown_fields_total', '', 'increase', '[1h]')})",
                "fields ignored {{type}}",
            ),
            Query(
                _of_replicas("cx_records_skipped_total", "", "increase", "[1h]"), "records skipped {{topic}}"
            ),
            Query(f"increase(cx_window_repairs_total{{{JOB}}}[1h])", "repairs {{instance}}"),
        ],
    )
    yield table(
        PanelStyle(
            "Definitions",
            "Metrics and the versions of their definitions. `cxgauge explain METRIC` prints a definition.",
        ),
        [
            Query(f"max by (metric, version) (cx_metric_info{{{JOB}}})", "served"),
            Query(f"count by (metric, version) (cx_metric_info{{{JOB}}})", "exporters"),
        ],
        width=12,
    )
    yield row("Workers")
    yield from _workers()
    yield row("Memory, disks and certificates")
    yield from _resources()


def _workers() -> Iterator[Json]:
    yield chart(
        PanelStyle(
            "Lag",
            "Time since a partition was last read to its end. From 30 s on it is not covered."
            + _runbook("CxWorkerLagging"),
            "s",
            min=0,
        ),
        [
            Query(
                f"max by (instance, topic) (cxgauge_partition_lag_seconds{{{WORKERS}}})",
                "{{instance}} {{topic}}",
            )
        ],
    )
    yield table(
        PanelStyle(
            "Unreadable batches",
            "Offset of the batch that blocks a partition. Empty if all batches can be read."
            + _runbook("CxRecordsUnreadable"),
        ),
        [Query(f"max by (topic, partition) (cxgauge_partition_unreadable_offset{{{WORKERS}}})", "offset")],
        width=12,
    )
    yield chart(
        PanelStyle(
            "Records not yet checkpointed",
            "Records processed in memory whose flush is pending. A partition with 20,000 is not read further.",
            min=0,
        ),
        [Query(f"sum by (instance) (cxgauge_partition_unflushed_records{{{WORKERS}}})", "{{instance}}")],
    )
    buckets = f"sum by (le) (rate(cxgauge_flush_seconds_bucket{{{WORKERS}}}{RATE}))"
    yield chart(
        PanelStyle("Flush duration", "From the start of a flush to its commit.", "s", min=0),
        [Query(f"histogram_quantile({q}, {buckets})", f"p{q * 100:.0f}") for q in (0.5, 0.99)],
    )
    yield chart(
        PanelStyle("Records written", "Records per second, by kind.", min=0),
        [Query(f"sum by (kind) (rate(cxgauge_records_written_total{{{WORKERS}}}{RATE}))", "{{kind}}")],
    )
    yield chart(
        PanelStyle("Entities and pane blocks", "Entries of the state in memory, by topic.", min=0),
        [
            Query(f"sum by (topic) (cxgauge_entities{{{WORKERS}}})", "entities {{topic}}"),
            Query(f"sum by (topic) (cxgauge_pane_blocks{{{WORKERS}}})", "blocks {{topic}}"),
        ],
    )
    yield chart(
        PanelStyle("Resident memory", "In MiB, by worker.", min=0),
        [Query(f"process_resident_memory_bytes{{{WORKERS}}} / 2^20", "{{instance}}")],
    )


def _resources() -> Iterator[Json]:
    processes = 'job=~"$job|$workers|cxgauge-intake"'
    yield chart(
        PanelStyle(
            "Memory available",
            "Share of the memory of a control group or machine, by process." + _runbook("CxMemoryLow"),
            "percentunit",
            min=0,
            max=1,
        ),
        [
            Query(
                f"{MEMORY_AVAILABLE}{{{processes}}} / {MEMORY_LIMIT}{{{processes}}}",
                "{{job}} {{instance}}",
            )
        ],
    )
    yield chart(
        PanelStyle(
            "Disk available",
            "Share of the disk of each folder of exporter.folders." + _runbook("CxDiskLow"),
            "percentunit",
            min=0,
            max=1,
        ),
        [
            Query(
                f"{DISK_AVAILABLE}{{{JOB}}} / {DISK_SIZE}{{{JOB}}}",
                "{{instance}} {{folder}}",
            )
        ],
    )
    yield table(
        PanelStyle(
            "Days until certificates end",
            "Certificates of processes, for Kafka and for their own servers."
            + _runbook("CxCertificateEnding"),
        ),
        [
            Query(
                f"min by (job, use, file) (({EXPIRY}{{{processes}}} - time()) / 86400)",
                "days",
            )
        ],
        width=12,
    )


def _of_replicas(name: str, matcher: str = "", function: str = "", span: str = "") -> str:
    """Return an expression for a series of all replicas: the largest value, which is that of the most advanced one."""
    series = f"{name}{{{', '.join(filter(None, (JOB, matcher)))}}}{span}"
    return f"max without (instance, pod) ({f'{function}({series})' if function else series})"


def _runbook(alert: str) -> str:
    """Return a reference to the runbook of an alert about the pipeline."""
    (path,) = (rule.runbook for rule in PIPELINE if rule.name == alert)
    return f"\n\nRunbook: {path}"
