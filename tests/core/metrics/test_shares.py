"""Shares and their bounds."""

import pytest

from stream.core.metrics import ces, first_response
from stream.core.model.confidence import wilson
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh
from tests.exporter.live.live_exporter import shop_events


@pytest.fixture(scope="module")
def series() -> dict[str, float]:
    """Return the series of an exporter of a shop."""
    state = exporter()
    apply_records(state, Worker(state)(shop_events()))
    return refresh(state)


def bounds(series: dict[str, float], family: str, labels: str) -> tuple[float, float]:
    """Return the served bounds."""
    return series[f"{family}_low{{{labels}}}"], series[f"{family}_high{{{labels}}}"]


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "30d"])
def test_bounds_are_computed_from_the_served_counts(series: dict[str, float], window: str) -> None:
    """Wilson's interval of the served successes and sample size."""
    labels = f'view="total",window="{window}"'
    easy, hard = (
        series[f'cx_ces_responses{{{labels},easy="{easy_label}"}}'] for easy_label in ("true", "false")
    )
    assert bounds(series, "cx_ces_easy_ratio", labels) == wilson(int(easy), int(easy + hard))
    responses_within_target, n = (
        series[f"cx_first_responses_within_target{{{labels}}}"],
        series[f"cx_first_responses{{{labels}}}"],
    )
    if n:
        assert bounds(series, "cx_first_response_within_target_ratio", labels) == wilson(
            int(responses_within_target), int(n)
        )


def test_bounds_are_shown_only_with_their_share(series: dict[str, float]) -> None:
    """Bounds are shown with their share, in every view."""
    for metric in (ces, first_response):
        for family in metric.METRIC.families:
            if family.name.endswith("_low"):
                share = family.name.removesuffix("_low")
                label_sets = {name.partition("{")[2] for name in series if name.startswith(f"{share}{{")}
                for bound in ("low", "high"):
                    assert label_sets == {
                        name.partition("{")[2] for name in series if name.startswith(f"{share}_{bound}{{")
                    }
                assert label_sets
