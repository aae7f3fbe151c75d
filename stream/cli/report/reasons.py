"""The reasons of a report: their impact on the scores whose answers name them."""

from typing import NamedTuple

from stream.cli.report.source import ExporterReadings
from stream.cli.top.figures import format_value
from stream.cli.top.samples import TOTAL
from stream.core.metrics.headlines import HEADLINES
from stream.core.metrics.metric import Headline
from stream.core.metrics.reasons import SURVEYS

_HEADLINES = {shown.headline.family: shown.headline for shown in reversed(HEADLINES)}


class ReasonEffect(NamedTuple):
    """The impact of a reason on a score, with 95 % bounds, and the number of answers that name it."""

    headline: Headline
    reason: str
    impact: float
    low: float
    high: float
    n: float

    @property
    def survey(self) -> str:
        """The title of the score."""
        return self.headline.title

    def text(self, value: float) -> str:
        """Return a value in the unit of the score, a difference of ratios in percentage points."""
        return (
            f"{100 * value:.1f} pp" if self.headline.unit == "ratio" else format_value(value, self.headline)
        )


def reason_effects(readings: ExporterReadings) -> list[ReasonEffect]:
    """Return the reasons of all answers, those that lower their score most first."""
    totals = readings.views[TOTAL]
    effects = []
    for survey in SURVEYS:
        impact, low, high = survey.impacts
        headline = _HEADLINES[survey.score]
        for labels, value in totals.of(impact.name):
            least, most, n = (totals.sum(family, labels) or 0 for family in (low, high, survey.responses))
            effects.append(ReasonEffect(headline, labels["reason"], value, least, most, n))
    scale = {"points": 100.0, "ratio": 1.0}
    return sorted(
        effects, key=lambda effect: (effect.impact / scale.get(effect.headline.unit, 1), effect.reason)
    )
