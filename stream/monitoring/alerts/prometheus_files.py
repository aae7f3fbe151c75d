"""The files of `deploy/prometheus/rules`: one for each domain, one for the thresholds."""

from collections.abc import Iterator
from textwrap import indent

from stream.core.metrics import BY_DOMAIN
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold
from stream.monitoring.alerts.rules import BY_METRIC, PIPELINE

FOLDER = "deploy/prometheus/rules"
HEAD = "# Written by `cxgauge generate` from stream/core. What may be changed is in thresholds.yml.\n"
THRESHOLDS_HEAD = """\
# The figures that the other rules go by. Change them here: the number after `expr: vector`. Written once more by
# `cxgauge generate`, so keep your own copy of this folder, or change them in stream/core.
"""


def alerts() -> dict[str, tuple[AlertRule, ...]]:
    """Every alert, by the file that it is in."""
    figures = {
        domain: tuple(alert for metric in metrics for alert in BY_METRIC.get(metric.name, ()))
        for domain, metrics in BY_DOMAIN.items()
    }
    return figures | {"pipeline": PIPELINE}


def documents() -> dict[str, bytes]:
    """Every file: path from the project's root, and content."""
    files = {name: HEAD + _file(map(_group, rules)) for name, rules in alerts().items()}
    files["thresholds"] = THRESHOLDS_HEAD + _file([_thresholds()])
    return {f"{FOLDER}/{name}.yml": text.encode() for name, text in files.items()}


def thresholds() -> list[Threshold]:
    """All that rules go by, each once."""
    return list(dict.fromkeys(t for each in alerts().values() for alert in each for t in alert.thresholds))


def _file(groups: Iterator[str] | list[str]) -> str:
    return "groups:\n" + "\n".join(groups)


def _group(alert: AlertRule) -> str:
    rules = "".join([*map(_record, alert.records), _alert(alert)])
    return f"  - name: {alert.name}\n    rules:\n{indent(rules, '      ')}"


def _thresholds() -> str:
    rules = "".join(
        f"# {each.meaning}\n- record: {each.series}\n  expr: vector({each.value:g})\n"
        for each in thresholds()
    )
    return f"  - name: thresholds\n    rules:\n{indent(rules, '      ')}"


def _record(record: RecordingRule) -> str:
    labels = f"  labels:\n{_pairs(dict(record.labels))}" if record.labels else ""
    return f"- record: {record.name}\n{_block('expr', record.expr)}{labels}"


def _alert(alert: AlertRule) -> str:
    domain = alert.domain or "{{ $labels.domain }}"
    keep = f"  keep_firing_for: {alert.keep_firing_for}\n" if alert.keep_firing_for else ""
    annotations = {"summary": alert.summary, "description": alert.description, "runbook_url": alert.runbook}
    return (
        f"- alert: {alert.name}\n{_block('expr', alert.expr)}  for: {alert.for_}\n{keep}"
        f"  labels:\n{_pairs(alert.labels | {'domain': domain})}"
        f"  annotations:\n" + "".join(indent(_block(name, text), "  ") for name, text in annotations.items())
    )


def _pairs(labels: dict[str, str]) -> str:
    return "".join(f"    {name}: '{value}'\n" for name, value in labels.items())


def _block(name: str, text: str) -> str:
    return f"  {name}: |-\n{indent(text, '    ')}\n"
