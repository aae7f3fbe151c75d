"""Series of the window before equal the series of a window earlier, for every metric, view and window."""

import json
from random import Random

import pytest

from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import previous
from tests.core.aggregation.pipeline import Pipeline
from tests.core.aggregation.test_independence import generated
from tests.support import NOW

COMPARED = {previous(family).name: family.name for metric in REGISTRY.values() for family in metric.compared}


@pytest.mark.parametrize("seed", range(3))
def test_equal_the_series_of_a_window_earlier(seed: int) -> None:
    """Answers, tickets, calls and joined figures. `total` has both or none, but confirmed FCR, whose window is lagged.

    Other views have what was counted, also of labels that do not occur any more.
    """
    random = Random(seed)
    pipeline = Pipeline(2)
    for event in generated(random):
        pipeline.publish(json.loads(event.value()), NOW, partition=random.randrange(2))
    pipeline.run(random)
    now = pipeline.series(NOW)
    seen = set()
    for window in pipeline.exporter.config.windows:
        earlier = pipeline.series(NOW - window.span)
        for name, figure in COMPARED.items():
            before = {
                labels: value
                for labels, value in now.get(name, {}).items()
                if ("window", window.label) in labels
            }
            expected = earlier.get(figure, {})
            # a label set that had nothing then has zeros
            assert before == {labels: expected.get(labels, 0) for labels in before}, name
            of_total = {
                labels
                for labels in expected
                if {("view", "total"), ("window", window.label)} <= set(labels)
                and ("basis", "confirmed") not in labels
            }
            assert of_total <= before.keys(), name
            assert {
                labels
                for labels, value in expected.items()
                if value and ("window", window.label) in labels and ("basis", "confirmed") not in labels
            } <= before.keys(), name
            seen.update(name for value in before.values() if value)
    assert len(seen) > 12
