"""PromQL at one moment, by examples of Prometheus' documentation."""

from math import inf, isnan

import pytest

from stream.monitoring.alerts.prometheus_files import alerts, thresholds
from stream.monitoring.evaluation.instant import (
    InstantEvaluator,
    Vector,
    is_always_empty,
    labels_of,
    recordings,
    selected,
)
from stream.monitoring.evaluation.promql import Selector, parse

APP, WEB = labels_of({"channel": "app"}), labels_of({"channel": "web"})


class FixedSeries:
    """Series with these values. It counts the names that were read."""

    def __init__(self, **series: Vector) -> None:
        self._series = series
        self.read: list[str] = []

    def series(self, selector: Selector) -> Vector:
        self.read.append(selector.name)
        return selected(selector, self._series.get(selector.name, {}))


def value(text: str, **series: Vector) -> object:
    return InstantEvaluator(FixedSeries(**series), {}).evaluate(parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errors", {APP: 3.0, WEB: 8.0}),
        ('errors{channel="app"}', {APP: 3.0}),
        ('errors{channel=~"a.*|c"}', {APP: 3.0}),
        ('errors{channel!="app"} * 2 + 1', {WEB: 17.0}),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("errors > 5", {WEB: 8.0}),
        ("errors > bool 5", {APP: 0.0, WEB: 1.0}),
        ("5 < errors", {WEB: 8.0}),
        ("errors / requests", {APP: 0.3}),
        ("errors and requests", {APP: 3.0}),
        ("errors unless requests", {WEB: 8.0}),
        ("requests or errors", {APP: 10.0, WEB: 8.0}),
        ("sum(errors)", {(): 11.0}),
        ("count(errors) - 1 > 0", {(): 1.0}),
        ("max without (channel) (errors)", {(): 8.0}),
        ("min by (channel) (errors)", {APP: 3.0, WEB: 8.0}),
        ("bottomk by (job) (1, errors)", {APP: 3.0}),
        ("topk(1, errors)", {WEB: 8.0}),
        ("errors * on () group_left () sum(requests)", {APP: 30.0, WEB: 80.0}),
        ("scalar(requests)", 10.0),
        ("vector(2)", {(): 2.0}),
        ("clamp_min(errors, 5)", {APP: 5.0, WEB: 8.0}),
        ("errors / 0", {APP: inf, WEB: inf}),
        ("nothing > 0", {}),
    ],
)
def test_expressions(text: str, expected: object) -> None:
    assert value(text, errors={APP: 3.0, WEB: 8.0}, requests={APP: 10.0}) == pytest.approx(expected)


def test_a_scalar_of_several_series_is_no_number() -> None:
    result = value("scalar(errors)", errors={APP: 3.0, WEB: 8.0})
    assert isinstance(result, float)
    assert isnan(result)


@pytest.mark.parametrize("text", ["rate(errors)", "errors % 2", "quantile(0.9, errors)", "errors offset 5m"])
def test_what_is_not_supported_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not supported|not a scalar|unexpected|cannot read|expected"):
        value(text, errors={APP: 3.0})


def test_a_conjunction_reads_the_side_with_fewer_series_first() -> None:
    records = recordings([("bound", "slow * slower", ())])
    source = FixedSeries(quick={APP: 1.0}, slow={APP: 1.0}, slower={APP: 1.0})
    evaluator = InstantEvaluator(source, records)
    assert evaluator.vector(parse("bound > 0 and quick > 5")) == {}
    assert source.read == ["quick"]
    assert evaluator.vector(parse("bound > 0 and quick > 0")) == {APP: 1.0}


def test_a_rule_without_its_target_is_always_empty() -> None:
    """By the rules that ship: those about targets, unless there is another limit."""
    values = [(threshold.series, f"vector({threshold.value})", ()) for threshold in thresholds()]
    assert _empty_rules(values) == {"CxNpsBelowTarget", "CxCsatBelowTarget"}


def _empty_rules(values: list[tuple[str, str, tuple[()]]]) -> set[str]:
    return {
        rule.name
        for name, group in alerts().items()
        if name != "pipeline"
        for rule in group
        if is_always_empty(
            parse(rule.expr),
            recordings([*((r.name, r.expr, r.labels) for r in rule.records), *values]),
            lambda selector: selector.name == "cx_target",
        )
    }
