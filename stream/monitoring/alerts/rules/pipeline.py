"""Alert rules about the pipeline: faults that make metrics incomplete or wrong, now or soon."""

from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.monitoring.alerts.annotations import (
    DURATION,
    Present,
    annotation,
    kept_firing,
    lookup,
    value,
)
from stream.monitoring.alerts.promql import Z, all_of
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold
from stream.resources.series import (
    DISK_AVAILABLE,
    DISK_SIZE,
    EXPIRY,
    LEAST_DAYS,
    LEAST_SHARE,
    MEMORY_AVAILABLE,
    MEMORY_LIMIT,
)

LAG = Threshold("worker_lag_seconds", 15, "Maximum lag of a worker behind the end of a partition, in seconds")
STALLED = Threshold(
    "stalled_seconds",
    1800,
    "Alert when nothing is accepted from a topic for this many seconds, unless the past week had such a gap",
)
ORPHANS = Threshold(
    "orphan_tickets", 20, "Maximum number of tickets of which events are known, but no creation"
)
DEAD_SHARE = Threshold(
    "dead_letter_share", 0.01, "Maximum share of dead letters among the records of an hour"
)
DEAD_COUNT = Threshold("dead_letters", 10, "Minimum number of dead letters an hour and topic for an alert")
CLOCK = Threshold(
    "clock_seconds",
    60,
    "Maximum difference of a clock from the majority of exporter, workers and broker, in seconds",
)

FEWER = "no longer more than the threshold"
_DIED = f" of {lookup('cx:dead_letters:sample_size')} records of {{{{ $labels.topic }}}} became dead letters within an hour"
_ORPHANS = " tickets have events, but were never created, and are in no other figure"
_FOLDED = " label sets were newly folded into __other__ within an hour"
_REPAIRED = " window sums differed from their panes in the hourly check and were corrected within two hours"
MEMORY = Threshold(
    "memory_share", LEAST_SHARE, "Minimum share of the memory of a process or machine that is available"
)
DISK = Threshold("disk_share", LEAST_SHARE, "Minimum share of the disk of a folder of data that is available")
CERTIFICATE = Threshold("certificate_days", LEAST_DAYS, "Minimum number of days until a certificate ends")
BYTES = "humanize1024"
_DEAD = f'{{outcome=~"{"|".join(DEAD_LETTER_OUTCOMES)}"}}'


def _by_domain(expr: str) -> str:
    """Return an expression with the label `domain` from the topic. Inhibition of alerts about its metrics needs it."""
    return f'label_replace({expr}, "domain", "$1", "topic", "cx[.](.*)")'


def _read(outcomes: str = "") -> str:
    """Return the records of the last hour by topic, the largest count of all replicas."""
    return f"max without (instance, pod) (sum without (outcome) (increase(cx_events_total{outcomes}[1h])))"


PIPELINE: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxExporterDown",
        severity="critical",
        domain="pipeline",
        for_="30s",
        expr='max by (job, cluster, namespace) (up{job="cxgauge"}) == 0\nor absent(up{job="cxgauge"})',
        summary="No exporter of {{ $labels.job }} can be scraped: there are no metrics",
        description="All targets of the job are down or missing. No other alert of cxgauge can fire until one is back.",
    ),
    AlertRule(
        name="CxExporterReplicaDown",
        severity="warning",
        domain="pipeline",
        for_="5m",
        expr=all_of(
            'up{job="cxgauge"} == 0',
            'on (job, cluster, namespace) (max by (job, cluster, namespace) (up{job="cxgauge"}) == 1)',
        ),
        summary="The exporter {{ $labels.instance }} cannot be scraped, another replica can",
        description="The metrics are still served. They are lost when the last replica fails.",
    ),
    AlertRule(
        name="CxFiguresIncomplete",
        severity="critical",
        domain="pipeline",
        for_="1m",
        expr="min without (instance, pod) (cx_partitions_expected - cx_partitions_covered) > 0",
        summary=f"{value()} partitions are not covered: the metrics of their topics are frozen",
        description=(
            "A worker is down, lagging or runs with other settings. The metrics keep their last values and are removed after "
            "10 minutes. Firing alerts continue. No other alert fires. The exporter's /readyz names the partitions and reasons."
        ),
    ),
    AlertRule(
        name="CxWorkerDown",
        severity="warning",
        domain="pipeline",
        for_="1m",
        expr='up{job="cxgauge-worker"} == 0',
        summary="The worker {{ $labels.instance }} cannot be scraped",
        description="Other workers take over its partitions. Without another worker, their records are not counted until it is back.",
    ),
    AlertRule(
        name="CxWorkerLagging",
        severity="warning",
        domain="pipeline",
        for_="30s",
        expr=f"max without (partition) (cxgauge_partition_lag_seconds) > {LAG}",
        thresholds=(LAG,),
        summary=f"The worker {{{{ $labels.instance }}}} is {value(DURATION)} behind on {{{{ $labels.topic }}}}",
        description="From 30 s of lag on, the partition is not covered, and the metrics of its topic are frozen.",
    ),
    AlertRule(
        name="CxRecordsUnreadable",
        severity="warning",
        domain="pipeline",
        for_="30s",
        keep_firing_for="5m",
        expr="max without (instance, pod) (cxgauge_partition_unreadable_offset) >= 0",
        summary=(
            'The batch at offset {{ $value | printf "%.0f" }} of {{ $labels.topic }} partition {{ $labels.partition }} cannot be read'
        ),
        kept="No worker reports an unreadable batch of {{ $labels.topic }} partition {{ $labels.partition }} now",
        description=(
            "Later records of this partition are not counted. Other partitions are not affected. From 30 s of lag on, the partition is "
            "not covered, and the metrics of its topic are frozen. `cxgauge skip TOPIC:PARTITION:OFFSET` skips the batch."
        ),
    ),
    AlertRule(
        name="CxDiskRefuses",
        severity="warning",
        domain="pipeline",
        for_="30s",
        expr="sum without (topic, partition) (increase(cxgauge_state_refused_writes_total[5m])) > 0",
        summary="The worker {{ $labels.instance }} cannot write its state to disk",
        description=(
            "The disk of `worker.state_dir` is full or too slow. The worker stops reading the partitions concerned, and exits after 60 s without "
            "a write. Nothing is lost."
        ),
    ),
    AlertRule(
        name="CxFeedStalled",
        severity="warning",
        domain="",
        for_="1m",
        records=(
            RecordingRule(
                "cx:feed_stalled:value", _by_domain("min without (instance, pod) (cx_event_lag_seconds)")
            ),
        ),
        expr=(
            f"cx:feed_stalled:value > {STALLED}\n"
            "unless cx:feed_stalled:value <= 1.5 * max_over_time(cx:feed_stalled:value[7d:5m] offset 6h)"
        ),
        thresholds=(STALLED,),
        summary=f"Nothing was accepted from {{{{ $labels.topic }}}} for {value(DURATION)}",
        description=(
            "The gap exceeds the threshold and 1.5 times the longest gap of the past week, if Prometheus has recorded one. "
            "Metrics are correct for the events that were received."
        ),
    ),
    AlertRule(
        name="CxDeadLetters",
        severity="warning",
        domain="",
        for_="1m",
        keep_firing_for="15m",
        records=(
            RecordingRule("cx:dead_letters:value", _by_domain(_read(_DEAD))),
            RecordingRule("cx:dead_letters:sample_size", _by_domain(_read())),
        ),
        expr=all_of(
            f"cx:dead_letters:value > {DEAD_COUNT}",
            f"cx:dead_letters:value > {DEAD_SHARE} * cx:dead_letters:sample_size",
        ),
        thresholds=(DEAD_COUNT, DEAD_SHARE),
        summary=f"{value()}{_DIED}",
        kept=kept_firing(Present("cx:dead_letters:value{%s}", f"{{figure}}{_DIED}"), FEWER),
        description="Dead letters are in no metric. Their headers contain the reason, and they can be replayed.",
    ),
    AlertRule(
        name="CxOrphanTickets",
        severity="warning",
        domain="pipeline",
        for_="15m",
        keep_firing_for="15m",
        expr=f'max without (instance, pod) (cx_orphan_tickets{{view="total"}}) > {ORPHANS}',
        thresholds=(ORPHANS,),
        summary=f"{value()}{_ORPHANS}",
        kept=kept_firing(
            Present("max without (instance, pod) (cx_orphan_tickets{%s})", f"{{figure}}{_ORPHANS}"),
            FEWER,
        ),
        description="Their cx.ticket.created.v1 was not sent, or with another ticket_id. They count when it arrives.",
    ),
    AlertRule(
        name="CxSeriesFolded",
        severity="info",
        domain="pipeline",
        for_="5m",
        keep_firing_for="1h",
        expr="max without (instance, pod) (increase(cx_series_folded_total[1h])) > 0",
        summary=f"{value()}{_FOLDED}",
        kept=kept_firing(
            Present(
                "max without (instance, pod) (increase(cx_series_folded_total{%s}[1h]))",
                f"{{figure}}{_FOLDED}",
            ),
            "no more come",
        ),
        description="A dimension has more values than metrics.max_values, or the series exceed exporter.max_series. Totals are correct.",
    ),
    AlertRule(
        name="CxWindowRepaired",
        severity="warning",
        domain="pipeline",
        for_="0s",
        keep_firing_for="6h",
        expr="max without (instance, pod) (increase(cx_window_repairs_total[2h])) > 0",
        summary=f"{value()}{_REPAIRED}",
        kept=kept_firing(
            Present(
                "max without (instance, pod) (increase(cx_window_repairs_total{%s}[2h]))",
                f"{{figure}}{_REPAIRED}",
            ),
            "no more come",
        ),
        description="This is a bug in cxgauge. Metrics were wrong for up to an hour. Keep the exporter's log and report it.",
    ),
    AlertRule(
        name="CxClockDiffers",
        severity="warning",
        domain="pipeline",
        for_="2m",
        expr=f"max without (instance, pod) (abs(cx_clock_difference_seconds)) > {CLOCK}",
        thresholds=(CLOCK,),
        summary=f"The clock of {{{{ $labels.clock }}}} differs by {value(DURATION)} from the other clocks",
        description=(
            "Other clocks are those of exporters, workers and broker, or the exporter's alone if no majority agrees. An exporter with a "
            "wrong clock shows other windows, and a worker whose clock is behind makes records dead letters of reason future."
        ),
    ),
    AlertRule(
        name="CxMemoryLow",
        severity="warning",
        domain="pipeline",
        for_="2m",
        expr=f"{MEMORY_AVAILABLE} / {MEMORY_LIMIT} < {MEMORY}",
        thresholds=(MEMORY,),
        summary=annotation(
            f"{lookup(MEMORY_AVAILABLE, BYTES)}B of {lookup(MEMORY_LIMIT, BYTES)}B of memory are left "
            "to {{ $labels.job }} {{ $labels.instance }}"
        ),
        description=(
            "The limit is that of its control group, or the memory of the machine, whichever is scarcer. Without memory the process is "
            "killed. A worker then starts again from its last checkpoint, and fails again if its state does not fit."
        ),
    ),
    AlertRule(
        name="CxDiskLow",
        severity="warning",
        domain="pipeline",
        for_="2m",
        expr=f"{DISK_AVAILABLE} / {DISK_SIZE} < {DISK}",
        thresholds=(DISK,),
        summary=annotation(
            f"{lookup(DISK_AVAILABLE, BYTES)}B of {lookup(DISK_SIZE, BYTES)}B are left on the disk of "
            "{{ $labels.folder }}, says {{ $labels.job }} {{ $labels.instance }}"
        ),
        description=(
            "A broker ends when its disk is full, and a worker when that of worker.state_dir is. Nothing is counted then, and without a "
            "broker apps cannot publish."
        ),
    ),
    AlertRule(
        name="CxCertificateEnding",
        severity="warning",
        domain="pipeline",
        for_="1m",
        expr=f"{EXPIRY} - time() < 86400 * {CERTIFICATE}",
        thresholds=(CERTIFICATE,),
        summary=(
            "The certificate {{ $labels.file }} of {{ $labels.job }} {{ $labels.instance }} "
            "{{ if ge $value 0.0 }}ends in {{ $value | humanizeDuration }}{{ else }}has ended{{ end }}"
        ),
        description=(
            "After its end, Kafka, Prometheus or browsers refuse connections: `use` says which. Services load a renewed certificate of "
            "theirs within 10 seconds, and one for Kafka at the next connection."
        ),
    ),
    AlertRule(
        name="CxThresholdsMissing",
        severity="warning",
        domain="pipeline",
        for_="1m",
        expr=f"absent({Z.series})",
        thresholds=(Z,),
        summary="The rules of thresholds.yml are not loaded",
        description="Rules that read a threshold never fire without it.",
    ),
)
