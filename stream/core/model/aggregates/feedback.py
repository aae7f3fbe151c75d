"""Aggregates of `cx.feedback`."""

from collections.abc import Mapping
from typing import Literal

from stream.core.model.aggregate import Aggregate, AggregateName, Layout, Vector
from stream.core.model.money import split

OfferOutcome = Literal["offered", "answered", "dismissed"]
"""The outcome of an offered survey."""
UNIT = 1_163_962_800
"""Scores are summed in whole units of 1 / UNIT of their scale: exact for scales of up to 21 points and of 26, 51
and 101, else to 1e-9 of the scale."""


class NpsLayout(Layout):
    """Answers by category, and premature ones."""

    PROMOTERS, PASSIVES, DETRACTORS, PREMATURE = range(4)


class CsatLayout(Layout):
    """Answers by satisfaction, and the sum of their positions on the scale."""

    SATISFIED, UNSATISFIED, POINTS = range(3)


class CesLayout(Layout):
    """Easy answers, other answers, the sum of the ease of both, and of their scores as given (raw)."""

    EASY, NOT_EASY, POINTS = range(3)
    RAW = 3
    pairs = (RAW,)


class ResponseLayout(Layout):
    """Offers, answered offers, dismissed offers."""

    OFFERED, ANSWERED, DISMISSED = range(3)


class ReasonsLayout(Layout):
    """Answers with the reason code, and those of them with a class, by NPS category or CSAT satisfaction."""

    ANSWERS = 0
    PROMOTERS, PASSIVES, DETRACTORS = range(1, 4)
    SATISFIED, UNSATISFIED = range(4, 6)


REASON_CLASSES: Mapping[str, Mapping[int, int]] = {
    "nps": {
        NpsLayout.PROMOTERS: ReasonsLayout.PROMOTERS,
        NpsLayout.PASSIVES: ReasonsLayout.PASSIVES,
        NpsLayout.DETRACTORS: ReasonsLayout.DETRACTORS,
    },
    "csat": {
        CsatLayout.SATISFIED: ReasonsLayout.SATISFIED,
        CsatLayout.UNSATISFIED: ReasonsLayout.UNSATISFIED,
    },
}
"""The classes of a survey's answers: the component in its own aggregate to that in `REASONS`."""


class NotesLayout(Layout):
    """The time of a note in ms since the epoch."""

    TIME = 0


NPS = Aggregate(AggregateName("nps"), NpsLayout, event_components=(0, 1, 2, 3))
CSAT = Aggregate(
    AggregateName("csat"), CsatLayout, event_components=(CsatLayout.SATISFIED, CsatLayout.UNSATISFIED)
)
CES = Aggregate(AggregateName("ces"), CesLayout, event_components=(CesLayout.EASY, CesLayout.NOT_EASY))
"""By direction and scale, because raw scores of different scales are never added."""
RESPONSE = Aggregate(AggregateName("response"), ResponseLayout)
"""By survey."""
REASONS = Aggregate(AggregateName("reasons"), ReasonsLayout, event_components=())
"""By survey and reason code."""
NOTES = Aggregate(
    AggregateName("notes"), NotesLayout, kind="stock", entities_kept="always", event_components=()
)
"""By ID and text, then name and value of each dimension. No metric reads it."""
ALL = (NPS, CSAT, CES, RESPONSE, REASONS, NOTES)


def nps_vector(score: int, *, premature: bool) -> Vector:
    """Return the vector of an NPS answer. A premature one is in no category."""
    if premature:
        return {NpsLayout.PREMATURE: 1}
    if score >= 9:
        return {NpsLayout.PROMOTERS: 1}
    return {NpsLayout.PASSIVES if score >= 7 else NpsLayout.DETRACTORS: 1}


def reason_vector(survey: str, score_vector: Mapping[int, int]) -> Vector:
    """Return the vector of an answer for each of its reasons.

    `score_vector` is the vector of its score. It is empty without a score. A premature answer has no class.
    """
    classes = REASON_CLASSES.get(survey, {})
    return {ReasonsLayout.ANSWERS: 1} | {
        classes[component]: 1 for component in score_vector if component in classes
    }


def position(score: int, low: int, high: int) -> int:
    """Return where a score lies on its scale, in units of 1 / UNIT."""
    return ((score - low) * UNIT * 2 + (high - low)) // (2 * (high - low))


def is_satisfied(score: int, scale: tuple[int, int] | None) -> bool:
    """Return whether a CSAT score is one of the top two points of its scale, or the top one of fewer than four."""
    low, high = scale or (1, 5)
    return score > high - (2 if high - low >= 3 else 1)


def csat_vector(score: int, scale: tuple[int, int] | None) -> Vector:
    """Return the vector of a CSAT answer."""
    low, high = scale or (1, 5)
    category = CsatLayout.SATISFIED if is_satisfied(score, scale) else CsatLayout.UNSATISFIED
    return {category: 1, CsatLayout.POINTS: position(score, low, high)}


def ces_vector(score: int, scale: tuple[int, int] | None, direction: str | None) -> Vector:
    """Return the vector of a CES answer as ease. The best 40 % of the points, rounded half up, are easy."""
    low, high = scale or (1, 5)
    raw = split(score, CesLayout.RAW)
    if direction != "ease":
        score = low + high - score
    best = (4 * (high - low + 1) + 5) // 10
    category = CesLayout.EASY if score > high - best else CesLayout.NOT_EASY
    return {category: 1, CesLayout.POINTS: position(score, low, high), **raw}


def ces_labels(scale: tuple[int, int] | None, direction: str | None) -> tuple[str, str]:
    """Return the own labels of a CES answer: direction and scale."""
    low, high = scale or (1, 5)
    return direction or "effort", f"{low}-{high}"


def response_vector(outcome: OfferOutcome) -> Vector:
    """Return the vector of an offer."""
    match outcome:
        case "answered":
            return {ResponseLayout.OFFERED: 1, ResponseLayout.ANSWERED: 1}
        case "dismissed":
            return {ResponseLayout.OFFERED: 1, ResponseLayout.DISMISSED: 1}
    return {ResponseLayout.OFFERED: 1}
