"""Customer Satisfaction Score."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.feedback import CSAT, UNIT, CsatLayout
from stream.core.model.confidence import wilson
from stream.core.model.time_buckets import Window

RATIO = Family("cx_csat_ratio", "Share of satisfied answers, 0 to 1", unit="ratio")
LOW = Family(
    "cx_csat_ratio_low",
    "Lower 95 % confidence bound of the share of satisfied answers (Wilson)",
    unit="ratio",
)
HIGH = Family(
    "cx_csat_ratio_high",
    "Upper 95 % confidence bound of the share of satisfied answers (Wilson)",
    unit="ratio",
)
SCORE = Family(
    "cx_csat_score", "Normalised mean satisfaction: mean of (score - min) / (max - min) * 100", unit="points"
)
RESPONSES = Family("cx_csat_responses", "Scored CSAT answers in the window", ("satisfied",))


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield share, bounds and mean if there are answers, and always the counts."""
    vector = context.flow(CSAT).get((), {})
    satisfied, unsatisfied = vector.get(CsatLayout.SATISFIED, 0), vector.get(CsatLayout.UNSATISFIED, 0)
    n = satisfied + unsatisfied
    if n:
        low, high = wilson(satisfied, n)
        yield Sample(RATIO, (), satisfied / n)
        yield Sample(LOW, (), low)
        yield Sample(HIGH, (), high)
        yield Sample(SCORE, (), 100 * vector.get(CsatLayout.POINTS, 0) / (UNIT * n))
    yield Sample(RESPONSES, ("true",), satisfied)
    yield Sample(RESPONSES, ("false",), unsatisfied)


METRIC = Metric(
    name="csat",
    version=2,
    title="CSAT",
    definition=(
        "The top two points of the answer's scale are satisfied (the top one of fewer than four points). The "
        "default scale is 1 to 5. Scores of different scales are normalised before they are averaged."
    ),
    formula="satisfied / answers; score: mean of (score - min) / (max - min) * 100",
    excluded="Dismissed and deleted answers, and all revisions but the highest. Premature answers count.",
    source="top-two-box share; bounds: E. B. Wilson, Journal of the American Statistical Association, 1927",
    example='cx_csat_ratio{view="total", window="7d"}',
    aggregates=(CSAT,),
    families=(RATIO, LOW, HIGH, SCORE, RESPONSES),
    panels=(
        Panel(
            title="CSAT",
            lines=(Line(RATIO),),
            bounds=(LOW, HIGH),
            samples=(Line(RESPONSES),),
            min=0,
            max=1,
        ),
        Panel(
            title="CSAT, normalised mean", lines=(Line(SCORE),), samples=(Line(RESPONSES),), min=0, max=100
        ),
    ),
    read_flows=read_flows,
    compared=(RATIO, SCORE, RESPONSES),
    headlines=(
        Headline("CSAT", RATIO, "higher", low=LOW, high=HIGH, sample_size=RESPONSES, timeline_family=RATIO),
    ),
)
