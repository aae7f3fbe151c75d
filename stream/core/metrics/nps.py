"""Net Promoter Score."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stream.core.buckets import Window
from stream.core.intervals import adjusted_wald
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.tally import Tally, Vector

if TYPE_CHECKING:
    from stream.core.feedback import Answer

PROMOTERS, PASSIVES, DETRACTORS, PREMATURE = range(4)
CATEGORIES = ("promoter", "passive", "detractor")

SCORE = Family("cx_nps_score", "Net Promoter Score: 100 * (promoters - detractors) / responses, -100 to 100")
LOW = Family("cx_nps_score_low", "Lower 95 % confidence bound of the Net Promoter Score (adjusted Wald)")
HIGH = Family("cx_nps_score_high", "Upper 95 % confidence bound of the Net Promoter Score (adjusted Wald)")
RESPONSES = Family("cx_nps_responses", "Scored NPS answers in the window", ("category",))
EARLY = Family("cx_nps_premature_responses", "NPS answers given before the transaction that they are about")


def vector(answer: "Answer") -> Vector:
    """What a scored answer adds."""
    score = answer.score or 0
    if answer.premature:
        return {PREMATURE: 1}
    return {PROMOTERS if score >= 9 else PASSIVES if score >= 7 else DETRACTORS: 1}


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """Score and bounds when there are answers; the parts always."""
    have = sight.flow("nps").get((), {})
    parts = [have.get(component, 0) for component in (PROMOTERS, PASSIVES, DETRACTORS)]
    n = sum(parts)
    if n:
        promoters, _passives, detractors = parts
        low, high = adjusted_wald(promoters, detractors, n)
        yield Sample(SCORE, (), 100 * (promoters - detractors) / n)
        yield Sample(LOW, (), low)
        yield Sample(HIGH, (), high)
    for category, count in zip(CATEGORIES, parts, strict=True):
        yield Sample(RESPONSES, (category,), count)
    yield Sample(EARLY, (), have.get(PREMATURE, 0))


METRIC = Metric(
    name="nps",
    title="NPS",
    definition=(
        "Promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6 on the scale from 0 to 10. Dismissed answers "
        "do not count. An answer given before its transaction is premature: not in n, counted apart."
    ),
    formula="100 * (promoters - detractors) / (promoters + passives + detractors)",
    source="F. Reichheld, Harvard Business Review, December 2003; bounds: B. Rocks, The American Statistician, 2016",
    example='cx_nps_score{view="channel", window="24h"}',
    tallies=(Tally("nps", counts=(PROMOTERS, PASSIVES, DETRACTORS, PREMATURE)),),
    families=(SCORE, LOW, HIGH, RESPONSES, EARLY),
    read=read,
)
