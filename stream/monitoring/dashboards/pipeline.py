"""The dashboard of the pipeline itself: what exporters say of it, and its workers."""

from collections.abc import Iterator

from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.monitoring.alerts.rules.pipeline import PIPELINE
from stream.monitoring.dashboards.dashboard import query_variable
from stream.monitoring.dashboards.query import JOB
from stream.monitoring.dashboards.widgets import Json, PanelStyle, Query, chart, row, stat, table

WORKERS = 'job="$workers"'
DEAD = f'outcome=~"{"|".join(DEAD_LETTER_OUTCOMES)}"'
RATE = "[$__rate_interval]"


def variables() -> Iterator[Json]:
    """The exporters' job and the workers'."""
    yield query_variable("job", "label_values(cx_partitions_expected, job)")
    yield query_variable("workers", "label_values(cxgauge_flushes_total, job)")


def health() -> Iterator[Json]:
    """Whether figures are complete and fresh: also at the top of the overview."""
    covered = PanelStyle(
        "Partitions covered",
        "Fewer than expected: figures stand still, then go. /readyz of the exporter says why."
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
        "Since the newest event",
        "Now minus the time of the newest accepted event of a topic." + _runbook("CxFeedStalled"),
        "s",
    )
    yield stat(lag, [Query(_twin("cx_event_lag_seconds"), "{{topic}}")], width=12)
    dead = PanelStyle(
        "Dead letters, last hour",
        "Records of the last hour that could not be used: cx.deadletter has them."
        + _runbook("CxDeadLetters"),
    )
    letters = _twin("cx_events_total", DEAD, "increase", "[1h]")
    yield stat(dead, [Query(f"sum({letters})", "records")])


def panels() -> Iterator[Json]:
    """The whole dashboard."""
    yield from health()
    yield row("Exporters")
    yield chart(
        PanelStyle("Partitions not covered", "By exporter.", min=0),
        [Query(f"cx_partitions_expected{{{JOB}}} - cx_partitions_covered{{{JOB}}}", "{{instance}}")],
    )
    yield chart(
        PanelStyle("Records read", "A second, by what became of them.", min=0),
        [Query(_twin("cx_events_total", "", "rate", RATE), "{{topic}} {{outcome}}")],
    )
    yield chart(
        PanelStyle(
            "Series",
            "With a view, by exporter; past exporter.max_series whole label sets are folded."
            + _runbook("CxSeriesFolded"),
            min=0,
        ),
        [Query(f"cx_series{{{JOB}}}", "{{instance}}")],
    )
    yield chart(
        PanelStyle(
            "What was left out",
            "Label sets folded, label entries ignored, records skipped by order, window sums repaired (a fault), an "
            "hour." + _runbook("CxWindowRepaired"),
        ),
        [
            Query(f"increase(cx_series_folded_total{{{JOB}}}[1h])", "folded {{instance}}"),
            Query(_twin("cx_labels_ignored_total", "", "increase", "[1h]"), "labels ignored"),
            Query(_twin("cx_records_skipped_total", "", "increase", "[1h]"), "records skipped {{topic}}"),
            Query(f"increase(cx_window_repairs_total{{{JOB}}}[1h])", "repairs {{instance}}"),
        ],
    )
    yield table(
        PanelStyle("Definitions", "Metrics and the versions of their definitions: `cxgauge explain METRIC`."),
        [
            Query(f"max by (metric, version) (cx_metric_info{{{JOB}}})", "served"),
            Query(f"count by (metric, version) (cx_metric_info{{{JOB}}})", "exporters"),
        ],
        width=12,
    )
    yield row("Workers")
    yield from _workers()


def _workers() -> Iterator[Json]:
    yield chart(
        PanelStyle(
            "Lag",
            "Time since a partition was last read to its end; from 30 s on it is not covered."
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
            "Offset of the batch that blocks a partition; empty when all can be read."
            + _runbook("CxRecordsUnreadable"),
        ),
        [Query(f"max by (topic, partition) (cxgauge_partition_unreadable_offset{{{WORKERS}}})", "offset")],
        width=12,
    )
    yield chart(
        PanelStyle(
            "Not flushed", "Records counted in memory, not yet written; a partition stops at 20,000.", min=0
        ),
        [Query(f"sum by (instance) (cxgauge_partition_unflushed_records{{{WORKERS}}})", "{{instance}}")],
    )
    buckets = f"sum by (le) (rate(cxgauge_flush_seconds_bucket{{{WORKERS}}}{RATE}))"
    yield chart(
        PanelStyle("Time of a flush", "From its beginning to its commit.", "s", min=0),
        [Query(f"histogram_quantile({q}, {buckets})", f"p{q * 100:.0f}") for q in (0.5, 0.99)],
    )
    yield chart(
        PanelStyle("Records written", "A second, by kind.", min=0),
        [Query(f"sum by (kind) (rate(cxgauge_records_written_total{{{WORKERS}}}{RATE}))", "{{kind}}")],
    )
    yield chart(
        PanelStyle("Kept in memory", "Entities and blocks of panes.", min=0),
        [
            Query(f"sum by (topic) (cxgauge_entities{{{WORKERS}}})", "entities {{topic}}"),
            Query(f"sum by (topic) (cxgauge_pane_blocks{{{WORKERS}}})", "blocks {{topic}}"),
        ],
    )
    yield chart(
        PanelStyle("Memory", "Resident, in MiB.", min=0),
        [Query(f"process_resident_memory_bytes{{{WORKERS}}} / 2^20", "{{instance}}")],
    )


def _twin(name: str, matcher: str = "", function: str = "", span: str = "") -> str:
    """A series that all exporters have, once: as the one says that is furthest."""
    series = f"{name}{{{', '.join(filter(None, (JOB, matcher)))}}}{span}"
    return f"max without (instance, pod) ({f'{function}({series})' if function else series})"


def _runbook(alert: str) -> str:
    """Where to read on, as the alert itself says."""
    (path,) = (each.runbook for each in PIPELINE if each.name == alert)
    return f"\n\nRunbook: {path}"
