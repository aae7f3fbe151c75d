"""Rules about unusual figures, which read what the exporter's detectors have computed.

The recorded series `cx:OF:by_chance`, `:events`, `:baseline`, `:window` and `:sample_size` keep the labels of the view.
"""

from stream.core.detection.streams import Stream
from stream.monitoring.alerts.annotations import (
    INSTALLATION_MATCHERS,
    WHOLE,
    Present,
    computed,
    installation_query,
    kept_firing,
    lookup,
    span,
)
from stream.monitoring.alerts.incident_texts import known
from stream.monitoring.alerts.promql import complete
from stream.monitoring.alerts.rule import AlertRule, Domain, RecordingRule, Severity, Threshold

MAX_FALSE_ALARMS = 5
"""The greatest threshold at which the limit of each rule is among the findings that the exporter serves."""
FALSE_ALARMS = Threshold(
    "false_alarms_a_month",
    1,
    f"False alarms a month that the rules about unusual figures may cause together, at most {MAX_FALSE_ALARMS}. More of them fire "
    f"earlier. Above {MAX_FALSE_ALARMS} CxReopenRise does not, and above 10 CxPaymentChurn, because the exporter serves no finding that "
    "chance shows as often",
)
SHOWN = 3
"""Label sets of a rule and installation that fire at the same time, the most certain ones. The summary counts the others."""


class Texts:
    """Templates for the summary of a rule: `events`, `baseline` rounded up, `last` as in `the last 6 minutes`, `more`.

    `more` is what else is known, and how many other label sets are unusual.
    `of` is the value of the label `of` of the detector, `limit` the PromQL of the limit of the rule.
    """

    def __init__(self, of: str, limit: str) -> None:
        rule = f"cx:{of}"
        self.events = lookup(f"{rule}:events", WHOLE)
        self.baseline = computed(f"ceil({rule}:baseline{{%s}})", WHOLE)
        self.last = f"in the last {span(f'{rule}:window')}"
        others = f"count({rule}:by_chance{{{INSTALLATION_MATCHERS}}} < {limit}) - {SHOWN} > 0"
        self.more = known(of) + installation_query(others, "; {} more label sets are unusual")


def limit_of(share: float) -> str:
    """Return the limit of a rule that has this share of the false alarms. Shares are calibrated, see `unusual`."""
    return f"{share:g} * {FALSE_ALARMS}"


def unusual(
    stream: Stream,
    *,
    name: str,
    severity: Severity,
    domain: Domain,
    share: float,
    keep_firing_for: str,
    summary: str,
    present: Present,
    description: str,
    sample_size: str = "",
) -> AlertRule:
    """Return the rule about a stream of events. It has no `for`, because its detector integrates evidence over time.

    Args:
        stream: the events
        name: name of the alert
        severity: its severity
        domain: its domain
        share: nominal false alarms a month. Bounds of counts are ten times too high, so their share is more than one
        keep_firing_for: how long it continues without evidence
        summary: template of the summary
        present: the figure of complete replicas that says how things are while the alert is only kept firing
        description: the meaning of the alert
        sample_size: expression of the number of customers or tickets, empty if the summary needs none
    """
    rule = f"cx:{stream.of}"
    figures = {
        "by_chance": "cx_unusual_by_chance_per_month",
        "events": "cx_unusual_events",
        "baseline": "cx_unusual_baseline_events",
        "window": "cx_unusual_window_seconds",
    }
    selector = f'{{of="{stream.of}"}}'
    records = [
        RecordingRule(f"{rule}:{key}", f"max without (of) ({complete(series + selector)})")
        for key, series in figures.items()
    ]
    if sample_size:
        records.append(RecordingRule(f"{rule}:sample_size", complete(sample_size)))
    return AlertRule(
        name=name,
        severity=severity,
        domain=domain,
        for_="0s",
        keep_firing_for=keep_firing_for,
        records=tuple(records),
        expr=f"{rule}:by_chance < {limit_of(share)}",
        shown=SHOWN,
        thresholds=(FALSE_ALARMS,),
        of=stream.of,
        share=share,
        summary=summary,
        kept=kept_firing(present._replace(series=complete(present.series))),
        description=description,
    )
