"""Figures of a period equal those of a window of the same hours."""

import json
from random import Random

import pytest

from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Metric
from stream.core.model.aggregate import Aggregate, VectorsByLabels
from stream.core.model.periods import ComparedPeriod, Hours
from stream.core.model.time_buckets import DAY, HOUR, MINUTE, Window
from stream.core.windows.period_sums import PeriodSums
from tests.core.aggregation.pipeline import Labels, Pipeline
from tests.core.aggregation.test_independence import generated
from tests.support import NOW

WEEK = 7 * DAY
Values = dict[tuple[str, Labels], float]


def period_values(pipeline: Pipeline, period: ComparedPeriod) -> Values:
    """Return the values of all metrics and views by name and labels of the series."""
    config = pipeline.exporter.config
    sums = PeriodSums(REGISTRY.values(), config.views, period)
    for domain_view in pipeline.exporter.domain_views.values():
        for _ in sums.take(domain_view.windows):
            pass
    for _ in sums.add_up():
        pass
    values: Values = {}
    for metric in REGISTRY.values():
        for before in (False, True):
            for labels, sample in sums.samples(metric, config, before=before):
                names = (*config.views[labels.view], *sample.family.labels)
                pairs = dict(zip(names, (*labels.values, *sample.labels), strict=True))
                key = tuple(sorted({"view": labels.view, **pairs}.items()))
                assert (sample.family.name, key) not in values
                values[sample.family.name, key] = sample.value
    return values


@pytest.mark.parametrize(("seed", "env"), [(0, {}), (1, {}), (2, {"CXGAUGE_METRICS_MAX_VALUES": "1"})])
def test_equal_the_figures_of_a_window(seed: int, env: dict[str, str]) -> None:
    """And of the window before. Label values beyond the limit are one in both."""
    random = Random(seed)
    pipeline = Pipeline(2, **env)
    for event in generated(random):
        pipeline.publish(json.loads(event.value()), NOW, partition=random.randrange(2))
    pipeline.run(random)
    seen = set()
    for days in (1, 3, 8):
        end = (NOW - days * DAY) // HOUR * HOUR + HOUR
        period = ComparedPeriod(Hours(end - WEEK, end), Hours(end - 2 * WEEK, end - WEEK))
        of_window: Values = {
            (name, tuple(pair for pair in labels if pair[0] != "window")): value
            for name, by_labels in pipeline.series(end - MINUTE).items()
            for labels, value in by_labels.items()
            if ("window", "7d") in labels
        }
        values = period_values(pipeline, period)
        assert values == {key: of_window.get(key) for key in values}
        read = {name for name, _ in values}
        lacking = {
            key
            for key, value in of_window.items()
            if key[0] in read and key not in values and value and ("basis", "confirmed") not in key[1]
        }
        assert lacking == set()
        seen |= {name for (name, _), value in values.items() if value}
    assert len(seen) > 40
    if env:
        assert any(("channel", "__other__") in labels for _, labels in values)


@pytest.mark.parametrize("metric", REGISTRY.values(), ids=lambda metric: str(metric.name))
def test_flows_are_all_that_is_read(metric: Metric) -> None:
    """A metric's series of flows read no aggregate whose value belongs to a moment."""
    read: list[Aggregate] = []

    class Context:
        config = Pipeline().exporter.config
        total = True
        now = NOW

        def flow(self, aggregate: Aggregate) -> VectorsByLabels:
            read.append(aggregate)
            return {}

    if metric.read_flows is not None:
        list(metric.read_flows(Context(), Window("7d", WEEK)))
        assert read or metric.name == "business_hours", "which has no calendar here"
    assert {aggregate.kind for aggregate in read} <= {"flow", "due_flow"}
