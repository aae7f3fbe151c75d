"""Customer Effort Score, always as ease: higher is better."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.metrics.shares import bounds_of, share_samples
from stream.core.model.aggregate import add
from stream.core.model.aggregates.feedback import CES, UNIT, CesLayout
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.model.money import join
from stream.core.model.time_buckets import Window

SCORE = Family("cx_ces_score", "Mean ease on a scale from 0 (all effort) to 100 (no effort)", unit="points")
EASY_RATIO = Family(
    "cx_ces_easy_ratio",
    "Share of answers among the easiest 40 % of the points of their scale, 0 to 1",
    unit="ratio",
)
EASY_LOW, EASY_HIGH = EASY_BOUNDS = bounds_of(EASY_RATIO, "easy answers")
SCALE_LABELS = ("scale", "direction")
RAW_MEAN = Family("cx_ces_raw_mean", "Mean of the scores as given, by scale and direction", SCALE_LABELS)
RAW_RESPONSES = Family("cx_ces_raw_responses", "Scored CES answers by scale and direction", SCALE_LABELS)
RESPONSES = Family("cx_ces_responses", "Scored CES answers in the window", ("easy",))


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield mean ease and share of easy answers if there are answers, and always the counts."""
    cells = context.flow(CES)
    vector: dict[int, int] = {}
    for of_scale in cells.values():
        add(vector, of_scale)
    easy, hard = vector.get(CesLayout.EASY, 0), vector.get(CesLayout.NOT_EASY, 0)
    n = easy + hard
    if n:
        yield Sample(SCORE, (), 100 * vector.get(CesLayout.POINTS, 0) / (UNIT * n))
        yield from share_samples(EASY_RATIO, EASY_BOUNDS, easy, n)
    yield Sample(RESPONSES, ("true",), easy)
    yield Sample(RESPONSES, ("false",), hard)
    for (direction, scale), of_scale in sorted(cells.items()):
        n = of_scale.get(CesLayout.EASY, 0) + of_scale.get(CesLayout.NOT_EASY, 0)
        if n and scale != OTHER_VALUE:
            yield Sample(RAW_MEAN, (scale, direction), join(of_scale, CesLayout.RAW) / n)
            yield Sample(RAW_RESPONSES, (scale, direction), n)


METRIC = Metric(
    name="ces",
    version=2,
    title="CES",
    definition=(
        "Ease is (score - min) / (max - min) * 100 for a question about ease and (max - score) / (max - min) "
        "* 100 for one about effort (the default, on a scale from 1 to 5). Higher is always better. The best "
        "round-half-up(0.4 * points) points of the scale are easy. The raw mean is that of the scores as given, "
        "for each scale and direction apart."
    ),
    formula="mean of ease; easy answers / answers",
    excluded="Dismissed and deleted answers, and all revisions but the highest. Premature answers count.",
    source="M. Dixon, K. Freeman, N. Toman, Harvard Business Review, July 2010; CES 2.0: CEB, 2013",
    example='cx_ces_score{view="touchpoint", window="7d"}',
    aggregates=(CES,),
    families=(SCORE, EASY_RATIO, EASY_LOW, EASY_HIGH, RESPONSES, RAW_MEAN, RAW_RESPONSES),
    panels=(
        Panel(title="CES", lines=(Line(SCORE),), samples=(Line(RESPONSES),), min=0, max=100),
        Panel(
            title="CES, easy",
            lines=(Line(EASY_RATIO),),
            bounds=(EASY_LOW, EASY_HIGH),
            samples=(Line(RESPONSES),),
            min=0,
            max=1,
        ),
        Panel(
            title="CES, scores as given",
            lines=(Line(RAW_MEAN, by=SCALE_LABELS),),
            samples=(Line(RAW_RESPONSES, by=SCALE_LABELS),),
        ),
    ),
    read_flows=read_flows,
    compared=(SCORE, EASY_RATIO, RAW_MEAN, RAW_RESPONSES, RESPONSES),
    headlines=(
        Headline("CES", SCORE, "higher", sample_size=RESPONSES, timeline_family=SCORE),
        Headline(
            "CES, easy",
            EASY_RATIO,
            "higher",
            low=EASY_LOW,
            high=EASY_HIGH,
            sample_size=RESPONSES,
            timeline_family=EASY_RATIO,
        ),
    ),
)
