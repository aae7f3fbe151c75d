"""Verdicts about targets."""

import pytest

from stream.core.metrics.headlines import HEADLINES, decode
from stream.core.metrics.targets import target_verdict


@pytest.mark.parametrize(
    ("figure", "target", "value", "bounds", "verdict"),
    [
        ("cx_nps_score", 40, 41, (None, None), "met"),
        ("cx_nps_score", 40, 40, (None, None), "met"),
        ("cx_nps_score", 40, 39.9, (None, None), "missed"),
        ("cx_nps_score", 40, 50, (41, 59), "met"),
        ("cx_nps_score", 40, 50, (40, 60), "met, within bounds"),
        ("cx_nps_score", 40, 35, (25, 45), "missed, within bounds"),
        ("cx_nps_score", 40, 35, (30, 39), "missed"),
        ("cx_nps_score", 40, None, (None, None), ""),
        ("cx_waiting_over_target_tickets", 5, 5, (None, None), "met"),
        ("cx_waiting_over_target_tickets", 5, 6, (None, None), "missed"),
        ("cx_first_response_seconds/0.9", 3_600, 3_601, (None, None), "missed"),
    ],
)
def test_the_verdict_follows_the_better_direction_and_the_bounds(
    figure: str, target: float, value: float | None, bounds: tuple[float | None, float | None], verdict: str
) -> None:
    tile = decode(figure)
    assert tile is not None
    assert target_verdict(HEADLINES[tile.number].headline, target, value, *bounds) == verdict
