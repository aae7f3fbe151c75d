"""The series that rules read are those of an exporter with the same events."""

import re
from itertools import groupby

from stream.backtest.core import InProcessCore
from stream.backtest.gauges import Gauges
from stream.config import load
from stream.config.aggregation import aggregation_config
from stream.core.model.time_buckets import MINUTE
from stream.exporter.reference_lines import reference_lines
from stream.monitoring.alerts.prometheus_files import alerts
from stream.monitoring.evaluation.instant import Labels, labels_of
from stream.monitoring.evaluation.promql import Selector, parse, selectors
from tests.backtest.histories import LATEST, MONDAY, answers, conversations, encoded, leavers
from tests.backtest.test_alerts import SPIKE, late_tickets
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh
from tests.support import DAY

TARGETS = {"CXGAUGE_TARGETS": '{"cx_nps_score": 30, "cx_waiting_over_target_tickets": 3}'}
MOMENTS = (MONDAY + 9 * DAY, *(SPIKE + n * MINUTE for n in (6, 7, 8, 66, 2 * 1440)))
"""Some of them a minute apart, of which most samples are those of the minute before."""
EVENTS = [*leavers(14, SPIKE), *answers(15, MONDAY + 12 * DAY), *conversations(14), *late_tickets()]
READ = {
    selector
    for name, rules in alerts().items()
    if name != "pipeline"
    for rule in rules
    for text in (rule.expr, *(record.expr for record in rule.records))
    for selector in selectors(parse(text))
    if selector.name.startswith("cx_") and "partitions" not in selector.name
}


def series_of(line: str) -> tuple[str, Labels]:
    name, _, labels = line.partition("{")
    pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
    return name, labels_of(pairs)


def test_series_of_the_rules_equal_those_of_an_exporter() -> None:
    settings = load(None, TARGETS)
    config = aggregation_config(settings)
    core = InProcessCore(config, LATEST)
    windows = {number: window.label for number, window in enumerate(config.windows)}
    gauges = Gauges(core, reference_lines(settings).targets, windows)
    state = exporter(**TARGETS)
    worker = Worker(state)
    ordered, position, compared = sorted(EVENTS, key=lambda event: event.at), 0, 0
    for moment in MOMENTS:
        now = moment + MINUTE - 1
        first = position
        while position < len(ordered) and ordered[position].at <= now:
            position += 1
        batch = ordered[first:position]
        apply_records(state, worker(batch, now), monotonic_ms=now)
        served = {series_of(line): value for line, value in refresh(state, now, now).items()}
        for domain, group in groupby(encoded(batch), key=lambda event: event.domain):
            core.count(domain, [(event.time, event.value) for event in group])
        core.flush(now)
        core.apply_watched()
        core.judge(now)
        gauges.update(now)
        for selector in READ:
            actual = {
                (selector.name, tuple(pair for pair in labels if pair[0] not in ("instance", "job"))): value
                for labels, value in gauges.series(selector).items()
            }
            wanted = {
                key: value
                for key, value in served.items()
                if key[0] == selector.name and all(m.accepts(dict(key[1])) for m in selector.matchers)
            }
            assert actual == wanted, (selector, moment)
            compared += len(actual)
    assert compared > 150
    assert {finding[0] for finding in core.findings()} >= {"nps"}


def test_a_selector_of_another_window_has_no_series() -> None:
    core = InProcessCore(aggregation_config(load(None, {})), LATEST)
    gauges = Gauges(core, {}, {0: "5m"})
    (selector,) = selectors(parse('cx_nps_score{window="7d"}'))
    assert gauges.is_never(selector)
    assert not gauges.is_never(Selector("cx_waiting_tickets", ()))
