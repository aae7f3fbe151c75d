"""Alerts about the pipeline itself: what makes every figure doubtful, or soon will."""

from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.monitoring.alerts.annotations import DURATION, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

LAG = Threshold("worker_lag_seconds", 15, "How far behind the end of a partition a worker may be")
STALLED = Threshold(
    "stalled_seconds", 1800, "How long a topic may be silent, if it was never silent so long in a week"
)
DEAD_SHARE = Threshold("dead_letter_share", 0.01, "Share of the records of an hour that may be dead letters")
DEAD_COUNT = Threshold("dead_letters", 10, "Dead letters an hour and topic below which nobody is told")

_DEAD = f'{{outcome=~"{"|".join(DEAD_LETTER_OUTCOMES)}"}}'


def _by_domain(expr: str) -> str:
    """With the domain that the topic is of, by which alerts about its figures are held back."""
    return f'label_replace({expr}, "domain", "$1", "topic", "cx[.](.*)")'


def _read(outcomes: str = "") -> str:
    """Records of the last hour, by topic, as the most advanced twin saw them."""
    return f"max without (instance, pod) (sum without (outcome) (increase(cx_events_total{outcomes}[1h])))"


PIPELINE: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxExporterDown",
        severity="page",
        domain="pipeline",
        for_="30s",
        expr='max by (job, cluster, namespace) (up{job="cxgauge"}) == 0\nor absent(up{job="cxgauge"})',
        summary="No exporter of {{ $labels.job }} can be scraped: there are no figures",
        description="Every target of the job is down or gone. No other alert of cxgauge can begin until one is back.",
    ),
    AlertRule(
        name="CxExporterTwinDown",
        severity="ticket",
        domain="pipeline",
        for_="5m",
        expr=all_of(
            'up{job="cxgauge"} == 0',
            'on (job, cluster, namespace) (max by (job, cluster, namespace) (up{job="cxgauge"}) == 1)',
        ),
        summary="The exporter {{ $labels.instance }} cannot be scraped; a twin of it can",
        description="Figures are still there. When the last twin goes, they are not.",
    ),
    AlertRule(
        name="CxFiguresIncomplete",
        severity="page",
        domain="pipeline",
        for_="1m",
        expr="min without (instance, pod) (cx_partitions_expected - cx_partitions_covered) > 0",
        summary=f"{value()} partitions are not covered by any exporter: figures stand still",
        description=(
            "A worker is down, behind or runs under other settings. Figures stand still and go after 10 minutes; alerts "
            "that fire stand, no other one begins. The exporter's /readyz says which partitions, and why."
        ),
    ),
    AlertRule(
        name="CxWorkerDown",
        severity="ticket",
        domain="pipeline",
        for_="1m",
        expr='up{job="cxgauge-worker"} == 0',
        summary="The worker {{ $labels.instance }} cannot be scraped",
        description="Others take its partitions over when it is gone, with a higher load each.",
    ),
    AlertRule(
        name="CxWorkerLagging",
        severity="ticket",
        domain="pipeline",
        for_="30s",
        expr=f"max without (partition) (cxgauge_partition_lag_seconds) > {LAG}",
        thresholds=(LAG,),
        summary=f"The worker {{{{ $labels.instance }}}} is {value(DURATION)} behind on {{{{ $labels.topic }}}}",
        description="At 30 s the partition counts as not covered, and figures stand still.",
    ),
    AlertRule(
        name="CxRecordsUnreadable",
        severity="ticket",
        domain="pipeline",
        for_="30s",
        keep_firing_for="5m",
        expr="max without (instance, pod) (cxgauge_partition_unreadable_offset) >= 0",
        summary=(
            'The batch at offset {{ $value | printf "%.0f" }} of {{ $labels.topic }} partition {{ $labels.partition }} cannot be read'
        ),
        description=(
            "Nothing behind it in this partition is counted; other partitions go on. At 30 s of lag the partition counts as "
            "not covered, and figures stand still. `cxgauge skip TOPIC:PARTITION:OFFSET` passes over the batch."
        ),
    ),
    AlertRule(
        name="CxFeedStalled",
        severity="ticket",
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
        description="Longer than ever in the week before. Figures are right, but they are those of silence.",
    ),
    AlertRule(
        name="CxDeadLetters",
        severity="ticket",
        domain="",
        for_="1m",
        keep_firing_for="15m",
        records=(
            RecordingRule("cx:dead_letters:value", _by_domain(_read(_DEAD))),
            RecordingRule("cx:dead_letters:n", _by_domain(_read())),
        ),
        expr=all_of(
            f"cx:dead_letters:value > {DEAD_COUNT}",
            f"cx:dead_letters:value > {DEAD_SHARE} * cx:dead_letters:n",
        ),
        thresholds=(DEAD_COUNT, DEAD_SHARE),
        summary=annotation(
            f"{value()} of {lookup('cx:dead_letters:n')} records of {{{{ $labels.topic }}}} became dead letters within an hour"
        ),
        description="What is in them is in no figure. Their headers say why, and they can be put back.",
    ),
    AlertRule(
        name="CxSeriesFolded",
        severity="info",
        domain="pipeline",
        for_="5m",
        keep_firing_for="1h",
        expr="max without (instance, pod) (increase(cx_series_folded_total[1h])) > 0",
        summary=f"{value()} label sets were newly folded into __other__ within an hour",
        description="A dimension has more values than are shown, or the page is as long as it may be. Totals are right.",
    ),
    AlertRule(
        name="CxWindowRepaired",
        severity="ticket",
        domain="pipeline",
        for_="0s",
        keep_firing_for="6h",
        expr="max without (instance, pod) (increase(cx_window_repairs_total[2h])) > 0",
        summary=f"{value()} sums of windows were found wrong by the hourly check, and put right",
        description="A fault in cxgauge: figures were wrong for up to an hour. Keep the exporter's log and report it.",
    ),
    AlertRule(
        name="CxThresholdsMissing",
        severity="ticket",
        domain="pipeline",
        for_="1m",
        expr=f"absent({Z.series})",
        thresholds=(Z,),
        summary="The rules of thresholds.yml are not loaded",
        description="Rules that read a threshold compare with nothing, and never fire.",
    ),
)
