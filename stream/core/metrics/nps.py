"""Net Promoter Score."""

from collections.abc import Iterator, Mapping

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.feedback import NPS, NpsLayout
from stream.core.model.confidence import adjusted_wald
from stream.core.model.time_buckets import Window

CATEGORIES = ("promoter", "passive", "detractor")

SCORE = Family(
    "cx_nps_score",
    "Net Promoter Score: 100 * (promoters - detractors) / responses, -100 to 100",
    unit="points",
)
LOW = Family(
    "cx_nps_score_low", "Lower 95 % confidence bound of the Net Promoter Score (adjusted Wald)", unit="points"
)
HIGH = Family(
    "cx_nps_score_high",
    "Upper 95 % confidence bound of the Net Promoter Score (adjusted Wald)",
    unit="points",
)
RESPONSES = Family("cx_nps_responses", "Scored NPS answers in the window", ("category",))
PREMATURE_RESPONSES = Family(
    "cx_nps_premature_responses", "NPS answers given before the transaction that they are about"
)


def variance(responses: Mapping[tuple[str, ...], float]) -> float:
    """Return the variance of one answer in squared points: 100, 0 or -100 points each.

    `responses` are the numbers of answers by category, at least one.
    """
    promoters, detractors = responses.get(("promoter",), 0), responses.get(("detractor",), 0)
    n = sum(responses.values())
    return 10_000 * ((promoters + detractors) / n - ((promoters - detractors) / n) ** 2)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield score and bounds if there are answers, and always the counts."""
    vector = context.flow(NPS).get((), {})
    parts = [
        vector.get(component, 0)
        for component in (NpsLayout.PROMOTERS, NpsLayout.PASSIVES, NpsLayout.DETRACTORS)
    ]
    n = sum(parts)
    if n:
        promoters, _passives, detractors = parts
        low, high = adjusted_wald(promoters, detractors, n)
        yield Sample(SCORE, (), 100 * (promoters - detractors) / n)
        yield Sample(LOW, (), low)
        yield Sample(HIGH, (), high)
    for category, count in zip(CATEGORIES, parts, strict=True):
        yield Sample(RESPONSES, (category,), count)
    yield Sample(PREMATURE_RESPONSES, (), vector.get(NpsLayout.PREMATURE, 0))


METRIC = Metric(
    name="nps",
    version=2,
    title="NPS",
    definition=(
        "Promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6 on the scale from 0 to 10. Dismissed "
        "answers do not count. An answer given before its transaction is premature. It is not in n and "
        "counted separately. The 95 % bounds are within the scale and include the score."
    ),
    formula="100 * (promoters - detractors) / (promoters + passives + detractors)",
    excluded=(
        "Dismissed and deleted answers, and all revisions but the highest. Premature answers are in "
        "cx_nps_premature_responses only."
    ),
    source="F. Reichheld, Harvard Business Review, December 2003; bounds: B. Rocks, The American Statistician, 2016",
    example='cx_nps_score{view="channel", window="24h"}',
    aggregates=(NPS,),
    families=(SCORE, LOW, HIGH, RESPONSES, PREMATURE_RESPONSES),
    panels=(
        Panel(
            title="NPS",
            lines=(Line(SCORE),),
            bounds=(LOW, HIGH),
            samples=(Line(RESPONSES),),
            min=-100,
            max=100,
        ),
        Panel(
            title="NPS answers",
            lines=(Line(RESPONSES, by=("category",)), Line(PREMATURE_RESPONSES, "premature")),
        ),
    ),
    read_flows=read_flows,
    compared=(SCORE, RESPONSES),
    headlines=(
        Headline(
            "NPS",
            SCORE,
            "higher",
            low=LOW,
            high=HIGH,
            sample_size=RESPONSES,
            timeline_family=SCORE,
            variance=variance,
        ),
    ),
)
