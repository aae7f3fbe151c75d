"""The reasons of a tile's answers, with their shares of each class and their impact on the figure."""

from typing import Any

from stream.core.metrics.headlines import HEADLINES, Tile
from stream.core.metrics.reason_impact import shares
from stream.core.metrics.reasons import SURVEYS
from stream.core.windows.label_sets import TOTAL_LABELS
from stream.exporter.live.figures import Figures

BY_SCORE = {survey.score: survey for survey in SURVEYS}


def reason_table(figures: Figures, tile: Tile, window_index: int) -> dict[str, Any] | None:
    """Return the reasons of all answers of a tile in a window, the largest effects first, None if there are none.

    `classes` are the classes of answers. A row has in their order the share of the class that names the reason, None for
    a class without answers.
    """
    survey = BY_SCORE.get(HEADLINES[tile.number].headline.family)
    if survey is None:
        return None
    values, lows, highs = (
        dict(figures.samples(family, TOTAL_LABELS, window_index)) for family in survey.impacts
    )
    if not values:
        return None
    of_class = dict(figures.samples(survey.everyone, TOTAL_LABELS, window_index))
    of_reason = dict(figures.samples(survey.responses, TOTAL_LABELS, window_index))
    everyone = [int(of_class[name,]) for name in survey.classes]
    rows = []
    for labels in sorted(values, key=lambda labels: (-abs(values[labels]), labels)):
        naming = [int(of_reason[(*labels, name)]) for name in survey.classes]
        rows.append(
            {
                "reason": labels[0],
                "n": sum(naming),
                "shares": shares(naming, everyone),
                "impact": values[labels],
                "low": lows[labels],
                "high": highs[labels],
            }
        )
    return {"classes": survey.classes, "rows": rows}
