"""Customer Satisfaction Score."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stream.core.buckets import Window
from stream.core.intervals import wilson
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.tally import Tally, Vector

if TYPE_CHECKING:
    from stream.core.feedback import Answer

SATISFIED, UNSATISFIED, POINTS = range(3)
UNIT = 1_163_962_800
"""Scores are summed in whole units of 1 / UNIT of their scale: exact for scales of up to 21 points and of 26, 51
and 101, else to 1e-9 of the scale."""

RATIO = Family("cx_csat_ratio", "Share of satisfied answers, 0 to 1")
LOW = Family("cx_csat_ratio_low", "Lower 95 % confidence bound of the share of satisfied answers (Wilson)")
HIGH = Family("cx_csat_ratio_high", "Upper 95 % confidence bound of the share of satisfied answers (Wilson)")
SCORE = Family("cx_csat_score", "Normalised mean satisfaction: mean of (score - min) / (max - min) * 100")
RESPONSES = Family("cx_csat_responses", "Scored CSAT answers in the window", ("satisfied",))


def position(score: int, low: int, high: int) -> int:
    """Where a score lies on its scale, in units of 1 / UNIT."""
    return ((score - low) * UNIT * 2 + (high - low)) // (2 * (high - low))


def vector(answer: "Answer") -> Vector:
    """What a scored answer adds: satisfied are the top two points, of fewer than five points the top one."""
    score, (low, high) = answer.score or 0, answer.scale or (1, 5)
    top = 2 if high - low >= 4 else 1
    return {SATISFIED if score > high - top else UNSATISFIED: 1, POINTS: position(score, low, high)}


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """Share, bounds and mean when there are answers; the parts always."""
    have = sight.flow("csat").get((), {})
    satisfied, unsatisfied = have.get(SATISFIED, 0), have.get(UNSATISFIED, 0)
    n = satisfied + unsatisfied
    if n:
        low, high = wilson(satisfied, n)
        yield Sample(RATIO, (), satisfied / n)
        yield Sample(LOW, (), low)
        yield Sample(HIGH, (), high)
        yield Sample(SCORE, (), 100 * have.get(POINTS, 0) / (UNIT * n))
    yield Sample(RESPONSES, ("true",), satisfied)
    yield Sample(RESPONSES, ("false",), unsatisfied)


METRIC = Metric(
    name="csat",
    title="CSAT",
    definition=(
        "Satisfied are the top two points of the answer's scale (the top one when it has fewer than five points); "
        "the default scale is 1 to 5. Scores of different scales are normalised before they are averaged."
    ),
    formula="satisfied / answers; score: mean of (score - min) / (max - min) * 100",
    source="top-two-box share; bounds: E. B. Wilson, Journal of the American Statistical Association, 1927",
    example='cx_csat_ratio{view="total", window="7d"}',
    tallies=(Tally("csat", counts=(SATISFIED, UNSATISFIED)),),
    families=(RATIO, LOW, HIGH, SCORE, RESPONSES),
    read=read,
)
